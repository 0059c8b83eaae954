"""Discovery: which services there are, and what they want to be sent. Pure but for the settings."""

from collections.abc import Mapping
from typing import Any

from emhwatch.cds.clients import Client
from emhwatch.settings import CdsSettings
from emhwatch.tables.clients import ClientTables, Hook

#: The one id when a site does not want one for each hook.
COMMON_ID = "emh"


def services_of(tables: ClientTables, settings: CdsSettings) -> dict[str, dict[str, Hook]]:
    """Service id -> hooks that it answers."""
    if not settings.id_per_hook:
        return {COMMON_ID: dict(tables.hooks)}
    return {hook.id: {name: hook} for name, hook in tables.hooks.items()}


def service_list(tables: ClientTables, settings: CdsSettings, client: Client) -> dict[str, Any]:
    """The discovery document for one client."""
    found = []
    for service_id, hooks in services_of(tables, settings).items():
        found += [_service(service_id, hook, tables) for name, hook in hooks.items() if name in client.hooks]
    return {"services": found}


def _service(service_id: str, hook: Hook, tables: ClientTables) -> Mapping[str, Any]:
    return {
        "hook": hook.hook,
        "hookVersion": hook.version,
        "id": service_id,
        "title": hook.title,
        "description": hook.description,
        "version": tables.spec_version,
        "usageRequirements": tables.usage,
        "prefetch": {template.key: template.query for template in tables.prefetch},
    }
