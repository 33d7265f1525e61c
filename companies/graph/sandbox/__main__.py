import argparse
import sys

from .cli import add_arguments, run

parser = argparse.ArgumentParser(
    prog="python -m companies.graph.sandbox",
    description="A local stand-in for Meta's Graph and WhatsApp Cloud API.",
)
add_arguments(parser)
sys.exit(run(vars(parser.parse_args())))
