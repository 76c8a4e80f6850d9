"""Hypothesis strategies: any PDU that may be written, and its octets damaged."""

from dataclasses import fields
from typing import Any

from hypothesis import strategies as st

from wasl.channels.sms.smpp import pdu as all_pdus
from wasl.channels.sms.smpp.codec import BY_COMMAND, Pdu, Response
from wasl.channels.sms.smpp.wire import Address

__all__ = ["SPECIFIED", "any_pdu", "damaged"]

SPECIFIED = sorted(BY_COMMAND)
assert all_pdus.SubmitSm.command in SPECIFIED
_LONGEST = {"service_type": 5, "schedule": 16, "validity": 16, "final_date": 16, "system_type": 32}

_octets = st.integers(0, 255)
_latin = st.characters(min_codepoint=1, max_codepoint=255)


def _field(name: str, default: object) -> st.SearchStrategy[Any]:
    if isinstance(default, Address):
        return st.builds(Address, st.text(_latin, max_size=64), _octets, _octets)
    if isinstance(default, bytes):
        return st.binary(max_size=254)
    if isinstance(default, str):
        return st.text(_latin, max_size=_LONGEST.get(name, 255))
    return _octets


def _of(pdu: type[Pdu]) -> st.SearchStrategy[Pdu]:
    own = [one for one in fields(pdu) if one.name not in ("sequence", "status", "tlvs")]
    values = {one.name: _field(one.name, one.default) for one in own}
    # An answer with an error has no body, and one without fields no optional parameters.
    status = st.just(0) if issubclass(pdu, Response) and own else st.integers(0, 0xFFFFFFFF)
    tlvs = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=300)), max_size=4).map(tuple)
    if issubclass(pdu, Response) and not own:
        tlvs = st.just(())
    return st.builds(pdu, sequence=st.integers(0, 0xFFFFFFFF), status=status, tlvs=tlvs, **values)


any_pdu = st.sampled_from(SPECIFIED).flatmap(lambda command: _of(BY_COMMAND[command]))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Octets that were a PDU: some changed, cut off, or put in."""
    octets = bytearray(draw(any_pdu).encode())
    for _time in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(octets) - 1)) if octets else 0
        match draw(st.sampled_from(("change", "cut", "put", "length"))):
            case "change" if octets:
                octets[at] = draw(_octets)
            case "cut":
                del octets[at:]
            case "put":
                octets[at:at] = draw(st.binary(max_size=8))
            case _ if len(octets) >= 4:
                octets[:4] = len(octets).to_bytes(4, "big")
    return bytes(octets)
