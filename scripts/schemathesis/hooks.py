"""What the settings cannot say: what must not happen while the server is asked, how more requests mean something, and
what is no failure of the server."""

import json
import os
import zlib
from urllib.parse import parse_qsl, urlsplit

import schemathesis

OWN_KEY = os.environ["SCHEMATHESIS_OWN_KEY"]

# What the schema leaves open in a body and the server does not, so that nearly all bodies with all of them are refused.
DEMANDING = {"env", "resource", "storageConfigs", "parameters", "locked", "required"}
OF_TEMPLATES = {"templateId", "templateVersion", "parameterValues"}


@schemathesis.hook
def before_call(context, case, kwargs):
    parameters = case.path_parameters or {}
    if case.path.startswith("/v1/api-key/") and parameters.get("id") == OWN_KEY:
        # The run would lock itself out.
        parameters["id"] = "key_00000000000000000000"
    if case.meta is None or not case.meta.generation.mode.is_positive or zlib.crc32(repr(case.body).encode()) % 4 == 0:
        return
    if "podName" in parameters:
        parameters["podName"] = parameters["id"].replace("_", "-") + "-master-0"
    if isinstance(case.body, dict):
        make_plainer(case.body)


def make_plainer(body):
    """Leaves out what a request of this kind may not have, and sometimes what it must be lucky with; jobs get what they
    cannot do without."""
    plain = zlib.crc32(json.dumps(body).encode()) % 3 > 0
    for name in list(body):
        is_lost = name in OF_TEMPLATES and body.get("createType") == "CUSTOM"
        if is_lost or name == "templateVersion" or plain and name in DEMANDING:
            del body[name]
    if plain and body.get("createType") == "CUSTOM":
        body.update(startCommand=body.get("startCommand") or "true", aidcId=1)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """An empty parameter of the query is as good as none, whatever its type; an empty object is sent as one, too."""
    is_accepted = type(failure).__name__ == "AcceptedNegativeData"
    sent = parse_qsl(urlsplit(response.request.url).query, keep_blank_values=True)
    return not (is_accepted and any(value == "" for _, value in sent))
