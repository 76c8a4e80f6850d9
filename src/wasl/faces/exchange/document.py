"""The OpenAPI 3.1 document of `/api/sms/v1/`."""

import json
from functools import cache
from typing import Any

from wasl.faces.exchange.asking import CLASSES, MOST_ROWS

_TEXT: dict[str, Any] = {
    "type": "object",
    "required": ["to", "text"],
    "additionalProperties": False,
    "properties": {
        "to": {"type": "string", "maxLength": 60, "description": "Telephone number, best as +96892345678."},
        "text": {"type": "string", "minLength": 1, "maxLength": 40000},
        "from": {"type": "string", "maxLength": 20, "description": "One of your senders; empty: your usual one."},
        "class": {"type": "string", "enum": list(CLASSES), "description": "What it is for; the first goes first."},
        "ref": {
            "type": "string",
            "maxLength": 100,
            "description": "Your own name for it. The same text under the same ref again is taken once.",
        },
        "not_before": {"type": "string", "format": "date-time"},
        "not_after": {"type": "string", "format": "date-time", "description": "Not worth sending any more after it."},
        "secret": {"type": "boolean", "description": "Nobody reads its words, and they are deleted when it has ended."},
    },
}
_TAKEN: dict[str, Any] = {
    "type": "object",
    "required": ["ref", "id", "parts", "known"],
    "properties": {
        "ref": {"type": "string"},
        "id": {"type": "string"},
        "parts": {"type": "integer", "minimum": 1},
        "known": {"type": "boolean", "description": "It was taken before, under this ref."},
    },
}
_INSTANT = {"type": ["string", "null"], "format": "date-time"}
_LIFE: dict[str, Any] = {
    "type": "object",
    "required": ["ref", "id", "to", "from", "parts", "state", "made_at", "error"],
    "properties": {
        "ref": {"type": "string"},
        "id": {"type": "string"},
        "to": {"type": "string", "description": "The number, masked."},
        "from": {"type": "string"},
        "parts": {"type": "integer"},
        "state": {
            "type": "string",
            "enum": [
                "queued", "submitted", "accepted", "delivered", "failed", "expired", "cancelled", "in_doubt",
            ],
        },
        "made_at": _INSTANT,
        "due_at": _INSTANT,
        "submitted_at": _INSTANT,
        "accepted_at": _INSTANT,
        "ended_at": _INSTANT,
        "repeated": {"type": "boolean", "description": "Sent once more after nobody knew whether it had gone."},
        "error": {"type": "string", "description": "The operator's words."},
    },
}  # fmt: skip
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:wasl:problem:sender"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string"},
    },
}
_COUNT = {"type": ["integer", "null"]}
_BALANCE: dict[str, Any] = {
    "type": "object",
    "description": "In parts. A bound that you do not have is null. Days are those of UTC.",
    "properties": {
        "per_day": _COUNT,
        "used_today": _COUNT,
        "left_today": _COUNT,
        "day_ends_in_s": {"type": "integer"},
        "per_minute": _COUNT,
        "left_this_minute": _COUNT,
        "waiting": {"type": "integer", "description": "Texts of yours that wait."},
    },
}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _problems(*statuses: int) -> dict[str, Any]:
    shape = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(one): {"description": _WHY[one], "content": shape} for one in (*statuses, 401, 403, 429, 503)}


_PK = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"}}
_CODE = {"name": "code", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[a-z0-9-]{1,50}$"}}
_ASKED: dict[str, Any] = {
    "type": "object",
    "required": ["number", "person"],
    "additionalProperties": False,
    "properties": {
        "number": {"type": "string", "maxLength": 60, "description": "Telephone number, best as +96892345678."},
        "person": {"type": "string", "minLength": 1, "maxLength": 100, "description": "Your own name for its owner."},
        "language": {"type": "string", "enum": ["ar", "en", "zh"], "description": "Of the text; Arabic by itself."},
    },
}
_CHECK: dict[str, Any] = {
    "type": "object",
    "required": ["id", "person", "number", "state", "code_until", "verified_at"],
    "properties": {
        "id": {"type": "string"},
        "person": {"type": "string"},
        "number": {"type": "string", "description": "The number, masked."},
        "state": {"type": "string", "enum": ["sent", "verified", "void"]},
        "code_until": _INSTANT,
        "verified_at": _INSTANT,
    },
}
_ROWS: dict[str, Any] = {
    "type": "object",
    "required": ["rows"],
    "additionalProperties": False,
    "properties": {
        "rows": {
            "type": "array",
            "items": {"type": "object", "additionalProperties": {"type": ["string", "number", "null"]}},
        }
    },
}
_CHANGED: dict[str, Any] = {
    "type": "object",
    "description": "How many rows were kept; of their keys, how many are new, changed, gone, and as before.",
    "properties": {name: {"type": "integer"} for name in ("rows", "added", "changed", "gone", "same")},
}


def _push(operation: str, summary: str) -> dict[str, Any]:
    table = {"schema": {"type": "string", "description": "UTF-8; the first row names the columns."}}
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": [_CODE],
        "requestBody": {"required": True, "content": {**_json("Rows"), "text/csv": table}},
        "responses": {
            "200": {"description": "All rows are kept.", "content": _json("Changed")},
            **_problems(400, 404, 413, 415, 422),
        },
    }


_WHY = {
    400: "Not JSON.",
    401: "No valid key.",
    403: "The key lacks the scope, or the sender or class is not yours.",
    404: "You have nothing of this name.",
    409: "The ref names another text of yours, it is too late to take it back, or the code counts no more.",
    413: "Larger than the interface takes.",
    415: "Not JSON.",
    422: "Not taken; the detail says why.",
    429: "Over a bound of yours, or too much waits: come again after Retry-After seconds.",
    503: "The data base is away: send the same again under the same ref.",
}
_REF = {"name": "ref", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 100}}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": 100},
    "description": "Is the ref of a text that has none in its body.",
}


@cache
def encoded() -> bytes:
    """The document as it is sent."""
    return json.dumps(made(), ensure_ascii=False).encode()


def made() -> dict[str, Any]:
    """The document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wasl SMS",
            "version": "1",
            "description": "Texts of government systems to people, and the numbers and data behind them.",
        },
        "servers": [{"url": "/api/sms/v1"}],
        "security": [{"key": []}],
        "paths": {
            "/texts": {
                "post": {
                    "operationId": "send",
                    "summary": "Hand in one text; 202 when it is kept",
                    "parameters": [_KEY],
                    "requestBody": {"required": True, "content": _json("Text")},
                    "responses": {
                        "202": {"description": "Kept, once.", "content": _json("Taken")},
                        **_problems(400, 409, 413, 415, 422),
                    },
                }
            },
            "/texts/bulk": {
                "post": {
                    "operationId": "send_many",
                    "summary": f"Hand in up to {MOST_ROWS} texts; an answer for each, in their order",
                    "requestBody": {"required": True, "content": _json("Bulk")},
                    "responses": {
                        "202": {"description": "What became of each.", "content": _json("BulkTaken")},
                        **_problems(400, 413, 415, 422),
                    },
                }
            },
            "/texts/{ref}": {
                "parameters": [_REF],
                "get": {
                    "operationId": "life",
                    "summary": "How a text of yours stands",
                    "responses": {"200": {"description": "Its life.", "content": _json("Life")}, **_problems(404)},
                },
                "delete": {
                    "operationId": "cancel",
                    "summary": "Take back a text that no operator has been offered yet",
                    "responses": {
                        "200": {"description": "Taken back.", "content": _json("Life")},
                        **_problems(404, 409),
                    },
                },
            },
            "/balance": {
                "get": {
                    "operationId": "balance",
                    "summary": "What is left of your bounds",
                    "responses": {"200": {"description": "Now.", "content": _json("Balance")}, **_problems()},
                }
            },
            "/numbers": {
                "post": {
                    "operationId": "check_number",
                    "summary": "Send a code to a number that somebody gave you as his",
                    "requestBody": {"required": True, "content": _json("Asked")},
                    "responses": {
                        "202": {"description": "The code is on its way.", "content": _json("Check")},
                        **_problems(400, 413, 415, 422),
                    },
                }
            },
            "/numbers/{id}": {
                "get": {
                    "operationId": "check_state",
                    "summary": "How a check of yours stands",
                    "parameters": [_PK],
                    "responses": {"200": {"description": "Its state.", "content": _json("Check")}, **_problems(404)},
                }
            },
            "/numbers/{id}/code": {
                "post": {
                    "operationId": "confirm_number",
                    "summary": "The code as he read it out to you; five wrong ones make it void",
                    "parameters": [_PK],
                    "requestBody": {"required": True, "content": _json("Said")},
                    "responses": {
                        "200": {"description": "Verified.", "content": _json("Check")},
                        **_problems(400, 404, 409, 413, 415, 422),
                    },
                }
            },
            "/data/{code}": {"put": _push("replace_rows", "Replace all rows of a data set of yours, at once")},
            "/data/{code}/rows": {"post": _push("merge_rows", "Replace the rows of the keys that are given")},
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Text": _TEXT,
                "Bulk": {
                    "type": "object",
                    "required": ["texts"],
                    "additionalProperties": False,
                    "properties": {
                        "texts": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MOST_ROWS,
                            "items": {"$ref": "#/components/schemas/Text"},
                        }
                    },
                },
                "Taken": _TAKEN,
                "BulkTaken": {
                    "type": "object",
                    "required": ["texts"],
                    "properties": {
                        "texts": {
                            "type": "array",
                            "items": {
                                "oneOf": [
                                    {"$ref": "#/components/schemas/Taken"},
                                    {"$ref": "#/components/schemas/Problem"},
                                ]
                            },
                        }
                    },
                },
                "Life": _LIFE,
                "Balance": _BALANCE,
                "Asked": _ASKED,
                "Check": _CHECK,
                "Said": {
                    "type": "object",
                    "required": ["code"],
                    "additionalProperties": False,
                    "properties": {"code": {"type": "string", "minLength": 1, "maxLength": 40}},
                },
                "Rows": _ROWS,
                "Changed": _CHANGED,
                "Problem": _PROBLEM,
            },
        },
    }
