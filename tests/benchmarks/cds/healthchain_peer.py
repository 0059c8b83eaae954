"""A HealthChain service that only looks for words: `healthchain_peer.py PORT PROCESSES`; in its own environment."""

import base64
import sys
from pathlib import Path

import uvicorn
from healthchain.gateway import CDSHooksService, HealthChainAPI
from healthchain.models import Card, CDSRequest, CDSResponse

service = CDSHooksService()


@service.hook("order-sign", id="emh")
def look(request: CDSRequest) -> CDSResponse:
    """A card when the words stand in a report."""
    words = ""
    for value in (request.prefetch or {}).values():
        for entry in value.get("entry", []) if isinstance(value, dict) else []:
            for form in entry["resource"].get("presentedForm", []):
                words += base64.b64decode(form["data"]).decode().lower()
    if "paravertebral" in words and "mass" in words:
        return CDSResponse(cards=[Card(summary="Mass", indicator="info", source={"label": "x"}, detail="words")])
    return CDSResponse(cards=[])


app = HealthChainAPI()
app.register_service(service)

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    uvicorn.run(
        "healthchain_peer:app", port=int(sys.argv[1]), workers=int(sys.argv[2]), log_level="error", access_log=False
    )
