"""An SMPP 3.4 engine on asyncio, without Django and with nothing but the standard library: see docs/sms.md.

Begin with `client.connect` (one session to an operator), `link.Link` (staying bound to him), `server.Server` (being
called), `text.plan` and `text.segments` (a text into parts), `joining.join` and `receipt.read` (what comes back).
"""
