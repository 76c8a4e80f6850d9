"""The interface described for programs: an OpenAPI 3.1 document, made of Python data."""

from functools import lru_cache
from typing import Any

from wasl.core.catalogue.answers import LONGEST_TEXT
from wasl.core.catalogue.book import DATATYPES
from wasl.faces.open311.asking import LONGEST_DESCRIPTION, MOST_PAGES, PAGE_SIZE, STATUSES, SWITCH
from wasl.faces.open311.telling import NEXT_ACTIONS

Schema = dict[str, Any]


def _object(properties: dict[str, Schema], required: list[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(kind: str, **more: Any) -> Schema:
    return {"type": [kind, "null"], **more}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


TEXT: Schema = {"type": "string"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
_MAYBE = _or_null("string")
_MAYBE_MOMENT = _or_null("string", format="date-time")

_SCHEMAS: dict[str, Schema] = {
    "Errors": _list(_object({"code": {"type": "integer"}, "description": TEXT})),
    "Discovery": _object(
        {
            "changeset": MOMENT,
            "contact": TEXT,
            "key_service": TEXT,
            "endpoints": _list(
                _object(
                    {
                        "specification": TEXT,
                        "url": TEXT,
                        "changeset": MOMENT,
                        "type": {"enum": ["test", "production"]},
                        "formats": _list(TEXT),
                    }
                )
            ),
        }
    ),
    "Service": _object(
        {
            "service_code": TEXT,
            "service_name": TEXT,
            "description": TEXT,
            "metadata": {"type": "boolean"},
            "type": {"const": "realtime"},
            "keywords": TEXT,
            "group": TEXT,
        }
    ),
    "Definition": _object(
        {
            "service_code": TEXT,
            "attributes": _list(
                _object(
                    {
                        "variable": {"const": True},
                        "code": TEXT,
                        "datatype": {"enum": list(DATATYPES)},
                        "required": {"type": "boolean"},
                        "datatype_description": _MAYBE,
                        "order": {"type": "integer", "minimum": 1},
                        "description": TEXT,
                        "values": _list(_object({"key": TEXT, "name": TEXT})),
                    },
                    ["variable", "code", "datatype", "required", "datatype_description", "order", "description"],
                )
            ),
        }
    ),
    "Request": _object(
        {
            "service_request_id": TEXT,
            "status": {"enum": list(STATUSES)},
            "status_notes": TEXT,
            "service_name": _MAYBE,
            "service_code": _MAYBE,
            "description": _or_null("string", description="What the centre wrote for the public"),
            "agency_responsible": _MAYBE,
            "service_notice": _MAYBE,
            "requested_datetime": MOMENT,
            "updated_datetime": MOMENT,
            "expected_datetime": _MAYBE_MOMENT,
            "address": _or_null("string", description="The area"),
            "address_id": _or_null("string", description="The code of the area"),
            "zipcode": {"type": "null"},
            "lat": _or_null("number"),
            "long": _or_null("number"),
            "media_url": _MAYBE,
            "extended_attributes": _ref("Extended"),
        },
        [
            "service_request_id", "status", "status_notes", "service_name", "service_code", "description",
            "agency_responsible", "service_notice", "requested_datetime", "updated_datetime", "expected_datetime",
            "address", "address_id", "zipcode", "lat", "long", "media_url",
        ],
    ),
    "Extended": _object(
        {
            "state": TEXT,
            "outcome": _MAYBE,
            "due_datetime": _MAYBE_MOMENT,
            "next_action": {"enum": [*NEXT_ACTIONS, None]},
            "next_action_due": _MAYBE_MOMENT,
            "duplicate_of": _MAYBE,
            "confirmed": _or_null("boolean", description="Whether the citizen says that it is solved"),
            "media_urls": _list(TEXT),
        }
    ),
    "Receipt": _object(
        {
            "service_request_id": TEXT,
            "service_notice": _MAYBE,
            "account_id": {"type": "null"},
            "extended_attributes": _object(
                {
                    "pin": {**TEXT, "description": "For the citizen, who tracks the request with it; kept nowhere"},
                    "receipt": {**TEXT, "description": "Hash of the journal's first entry"},
                }
            ),
        },
        ["service_request_id", "service_notice", "account_id"],
    ),
    "Token": _object({"service_request_id": TEXT, "token": TEXT}),
    "Update": _object(
        {
            "update_id": TEXT,
            "service_request_id": TEXT,
            "status": {"enum": list(STATUSES)},
            "updated_datetime": MOMENT,
            "description": TEXT,
            "external_status_code": TEXT,
            "media_url": {"type": "null"},
        }
    ),
    "UpdateReceipt": _object({"update_id": TEXT}),
}  # fmt: skip

_ERRORS = {
    "400": "Something is missing or wrong; each entry says what",
    "403": "The api_key is missing or not known",
    "404": "The service, number or token is not known",
    "413": "Larger than is taken",
    "429": "Asked too often; Retry-After says when to ask again",
}
_QUERY_STRING = {"type": "string"}


def _in_query(name: str, says: str, schema: Schema | None = None, **more: Any) -> Schema:
    return {"name": name, "in": "query", "description": says, "schema": schema or _QUERY_STRING, **more}


_COMMON = [
    _in_query("jurisdiction_id", "Not needed: the interface serves one city"),
    _in_query(
        "lang",
        "Language of names and sentences; Accept-Language is read as well",
        {"type": "string", "examples": ["ar", "en", "zh"]},
    ),
    _in_query("api_key", "A client's key, to read what is its own as well"),
]
# A parameter that is empty is one that is not given.
_FILTER_MOMENT = {
    "type": "string",
    "anyOf": [{"format": "date-time"}, {"format": "date"}, {"maxLength": 0}],
}
_SPAN = [
    _in_query(
        "start_date", "From; a date, or a date-time with its zone. At most 90 days before end_date", _FILTER_MOMENT
    ),
    _in_query("end_date", "To. Without dates the last 90 days are meant", _FILTER_MOMENT),
    _in_query("page", "Counted from 1", {"type": "integer", "minimum": 1, "maximum": MOST_PAGES}),
    _in_query("page_size", f"{PAGE_SIZE} if not given", {"type": "integer", "minimum": 1, "maximum": PAGE_SIZE}),
]
_SEARCH = [
    _in_query("service_request_id", "Numbers, comma delimited; overrides all other filters"),
    _in_query("service_code", "Services, comma delimited"),
    _in_query(
        "status",
        "open, closed; comma delimited",
        {"type": "array", "items": {"enum": list(STATUSES)}},
        style="form",
        explode=False,
    ),
    *_SPAN,
]
_EXTENSIONS = _in_query("extensions", "Add extended_attributes", {"enum": list(SWITCH)})
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Of the client's choosing; the same key gives the same answer and makes nothing twice",
    "schema": {"type": "string"},
}

_WHERE_AND_WHO: dict[str, Schema] = {
    "email": {"type": "string", "format": "email", "maxLength": 254},
    "phone": {"type": "string", "maxLength": 40},
    "first_name": {"type": "string", "maxLength": 100},
    "last_name": {"type": "string", "maxLength": 100},
    "account_id": {"type": "string", "maxLength": 255},
    "device_id": {"type": "string", "maxLength": 255},
}
_MEDIA_FORM: dict[str, Schema] = {
    "media": {"type": "array", "maxItems": 5, "items": {"type": "string", "format": "binary"}},
}
_REPORT: dict[str, Schema] = {
    "api_key": {"type": "string", "description": "Here, or in the header X-API-Key or Authorization: Bearer"},
    "jurisdiction_id": TEXT,
    "service_code": {"type": "string", "minLength": 1},
    "lat": {"type": "number", "minimum": -90, "maximum": 90},
    "long": {"type": "number", "minimum": -180, "maximum": 180},
    "address_string": {"type": "string", "maxLength": 300},
    "address_id": {"type": "string", "description": "The code of an area"},
    "description": {"type": "string", "maxLength": LONGEST_DESCRIPTION},
    "media_url": {"type": "string", "format": "uri", "description": "Kept as a reference; it is not fetched"},
    "lang": {"enum": ["ar", "en", "zh"]},
    **_WHERE_AND_WHO,
}
_REPORT_WORDS = (
    "One of lat with long, address_string and address_id is needed. Answers to a service's attributes are sent as "
    f"`attribute[code]` and, for lists, `attribute[code][]`, each at most {LONGEST_TEXT} characters. Digits of any "
    "script are understood. Files are sent as multipart/form-data in `media`."
)
_UPDATE: dict[str, Schema] = {
    "api_key": _REPORT["api_key"],
    "jurisdiction_id": TEXT,
    "service_request_id": {"type": "string", "minLength": 1},
    "update_id": {"type": "string", "description": "The client's own; the same one adds nothing twice"},
    "description": {"type": "string", "minLength": 1, "maxLength": LONGEST_DESCRIPTION},
    "status": {"type": "string", "description": "Not read: the city says when a request is closed"},
    "updated_datetime": MOMENT,
    "media_url": _REPORT["media_url"],
    **_WHERE_AND_WHO,
}


def _answers(content: Schema, *errors: str, status: str = "200") -> dict[str, Any]:
    made: dict[str, Any] = {
        status: {"description": "Done", "content": {"application/json": {"schema": content}}},
    }
    for code in errors:
        made[code] = {"description": _ERRORS[code], "content": {"application/json": {"schema": _ref("Errors")}}}
    return made


def _get(name: str, says: str, content: Schema, parameters: list[Schema], *errors: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": says,
        "parameters": [*parameters, *_COMMON],
        "responses": _answers(content, "400", "403", "429", *errors),
    }


def _post(name: str, says: str, words: str, content: Schema, fields: dict[str, Schema], required: list[str]) -> Schema:
    plain: Schema = {"type": "object", "properties": fields, "required": required}
    if "lat" in fields:
        plain["anyOf"] = [{"required": one} for one in (["lat", "long"], ["address_string"], ["address_id"])]
    with_files = {**plain, "properties": {**fields, **_MEDIA_FORM}}
    return {
        "operationId": name,
        "summary": says,
        "description": words,
        "security": [{"key": []}, {"bearer": []}],
        "parameters": [*([_EXTENSIONS] if "lat" in fields else []), _IDEMPOTENCY],
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {"schema": plain},
                "multipart/form-data": {"schema": with_files},
            },
        },
        "responses": _answers(content, "400", "403", "404", "413", "429", status="201"),
    }


def _in_path(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


@lru_cache(maxsize=4)
def openapi(base_url: str, bounds: tuple[float, ...] = ()) -> dict[str, Any]:
    """The document for an installation: its public base URL and the bounds of the city [west, south, east, north].

    JSON is described; XML has the same fields.
    """
    report = dict(_REPORT)
    if bounds:
        west, south, east, north = bounds
        report["lat"] = {"type": "number", "minimum": south, "maximum": north}
        report["long"] = {"type": "number", "minimum": west, "maximum": east}
    requests = _list(_ref("Request"))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Open311 GeoReport v2",
            "version": "2.0",
            "description": "Every address ending in .json is there with .xml as well, with the same fields.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url.rstrip("/") + "/open311"}],
        "security": [],
        "paths": {
            "/discovery.json": {
                "get": {
                    "operationId": "discovery",
                    "summary": "Where the interface is",
                    "responses": _answers(_ref("Discovery")),
                }
            },
            "/v2/services.json": {"get": _get("services", "What can be reported", _list(_ref("Service")), [])},
            "/v2/services/{service_code}.json": {
                "get": _get(
                    "definition", "The questions of a service", _ref("Definition"), [_in_path("service_code")], "404"
                )
            },
            "/v2/requests.json": {
                "get": _get("requests", "Public requests", requests, [*_SEARCH, _EXTENSIONS]),
                "post": _post(
                    "report", "Report something", _REPORT_WORDS, _list(_ref("Receipt")), report, ["service_code"]
                ),
            },
            "/v2/requests/{service_request_id}.json": {
                "get": _get(
                    "request", "One request", requests, [_in_path("service_request_id"), _EXTENSIONS], "404"
                )
            },
            "/v2/tokens/{token}.json": {
                "get": _get(
                    "token", "The number that a client's Idempotency-Key was given", _list(_ref("Token")),
                    [_in_path("token")], "404",
                )
            },
            "/v2/servicerequestupdates.json": {
                "get": _get("updates", "What happened to public requests", _list(_ref("Update")), _SPAN),
                "post": _post(
                    "update", "Add to a request", "", _list(_ref("UpdateReceipt")), _UPDATE,
                    ["service_request_id", "description"],
                ),
            },
        },
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }  # fmt: skip
