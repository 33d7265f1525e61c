"""A local stand-in for Meta's Graph API and WhatsApp Cloud API.

    with running_sandbox(webhook_url=url, app_secret="s") as graph:
        requests.post(f"{graph.url}/v25.0/100000000000001/messages", ...)
        graph.counts()

From a shell: python -m companies.graph.sandbox --port 8001
"""

from .harness import ControlError, Sandbox, running_sandbox
from .settings import BadSetting, Settings

__all__ = ["BadSetting", "ControlError", "Sandbox", "Settings", "running_sandbox"]
