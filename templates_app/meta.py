"""Templates at Meta: what can be asked of Graph about them. Each call is one short request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from companies.graph.client import TIMEOUT, Graph
from companies.models import Channel

_FIELDS = (
    "id,name,language,status,category,parameter_format,components,rejected_reason,quality_score"
)


class TemplateGraph(Graph):
    """Graph, asked with one token about templates. Every method raises GraphAway and GraphRefused."""

    def create(self, waba_id: str, template: dict[str, Any]) -> dict[str, Any]:
        """`template` as Meta takes it; answers its `id`, `status` and `category`."""
        return self._ask("POST", f"{waba_id}/message_templates", body=template)

    def edit(self, graph_id: str, changes: dict[str, Any]) -> None:
        """Components are replaced as a whole; Meta reviews the template again."""
        self._ask("POST", graph_id, body=changes)

    def delete(self, waba_id: str, *, name: str, graph_id: str) -> None:
        """One language of a name."""
        self._call("DELETE", f"{waba_id}/message_templates", name=name, hsm_id=graph_id)

    def template(self, graph_id: str) -> dict[str, Any]:
        return self._call("GET", graph_id, fields=_FIELDS)

    def templates(self, waba_id: str, **query: str) -> Iterator[dict[str, Any]]:
        """All of an account's templates, in pages of 100; `name=` asks for those with that in it."""
        return self._rows(f"{waba_id}/message_templates", fields=_FIELDS, **query)

    def upload_sample(self, content: bytes, *, mime_type: str) -> str:
        """Upload a header's sample, for its `header_handle`; the handle is good for new templates."""
        session = self._call(
            "POST",
            f"{self.inspect().app_id}/uploads",
            file_length=str(len(content)),
            file_type=mime_type,
        )
        headers = {"Authorization": f"OAuth {self.token}", "file_offset": "0"}
        return str(self._ask("POST", str(session["id"]), content=content, headers=headers)["h"])


def channel_of(company_id: int, waba_id: str) -> Channel | None:
    """A connected number of the WABA: Meta takes templates in the name of one."""
    if not waba_id:
        return None
    connected = Channel.objects.filter(
        company_id=company_id, waba_id=waba_id, status=Channel.Status.CONNECTED
    )
    return connected.order_by("pk").first()


def graph_of(channel: Channel, *, timeout: tuple[int, int] = TIMEOUT) -> TemplateGraph:
    """Graph in the name of a channel; `timeout` as `requests` takes it, in seconds."""
    return TemplateGraph(channel.access_token, timeout=timeout)
