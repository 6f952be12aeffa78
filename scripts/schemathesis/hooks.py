"""Schemathesis hooks for what its settings cannot express: keep the run's own key alive, let more requests pass the
server's checks, and ignore one deviation that is intended."""

import json
import os
import zlib
from urllib.parse import parse_qsl, urlsplit

import schemathesis

OWN_KEY = os.environ["SCHEMATHESIS_OWN_KEY"]

# Fields with rules that the schema cannot express. The server refuses nearly every generated body that has all of them.
DEMANDING = {"env", "resource", "storageConfigs", "parameters", "locked", "required"}
TEMPLATE_ONLY = {"templateId", "templateVersion", "parameterValues"}


@schemathesis.hook
def before_call(context, case, kwargs):
    parameters = case.path_parameters or {}
    if case.path.startswith("/v1/api-key/") and parameters.get("id") == OWN_KEY:
        # Revoking this key would make the server refuse every later request of this run.
        parameters["id"] = "key_00000000000000000000"
    if case.meta is None or not case.meta.generation.mode.is_positive or zlib.crc32(repr(case.body).encode()) % 4 == 0:
        return
    if "podName" in parameters:
        parameters["podName"] = parameters["id"].replace("_", "-") + "-master-0"
    if isinstance(case.body, dict):
        simplify(case.body)


def simplify(body):
    """Removes fields that this kind of request forbids; in two of three bodies also DEMANDING fields, and adds the fields
    that a custom job requires."""
    plain = zlib.crc32(json.dumps(body).encode()) % 3 > 0
    for name in list(body):
        is_forbidden = name in TEMPLATE_ONLY and body.get("createType") == "CUSTOM"
        if is_forbidden or name == "templateVersion" or plain and name in DEMANDING:
            del body[name]
    if plain and body.get("createType") == "CUSTOM":
        body.update(startCommand=body.get("startCommand") or "true", aidcId=1)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """The server treats an empty query parameter as absent, whatever its type. Schemathesis also sends an empty object as
    an empty parameter, and counts its acceptance as a failure."""
    is_accepted = type(failure).__name__ == "AcceptedNegativeData"
    sent = parse_qsl(urlsplit(response.request.url).query, keep_blank_values=True)
    return not (is_accepted and any(value == "" for _, value in sent))
