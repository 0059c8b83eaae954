// A CDS Hooks 2.0 client for one patient. Everything received is shown as text.

import { render } from "./markdown.js";

const $ = (id) => document.getElementById(id);
const orders = new Map(); // "ServiceRequest/x" -> resource
let services = [];
let count = 0;

function query(name, otherwise) {
  return new URLSearchParams(location.search).get(name) || otherwise;
}

function item(list, text) {
  const node = document.createElement("li");
  node.textContent = text;
  list.append(node);
  return node;
}

function button(text, action) {
  const node = document.createElement("button");
  node.textContent = text;
  node.addEventListener("click", action);
  return node;
}

async function discover() {
  const answer = await fetch($("discovery").value);
  services = answer.ok ? (await answer.json()).services : [];
  $("services").replaceChildren();
  for (const service of services) item($("services"), `${service.hook}: ${service.title} (${service.id})`);
  $("status").textContent = answer.ok ? `${services.length} services.` : `Discovery failed: ${answer.status}`;
}

async function prefetchOf(service) {
  const how = $("prefetch").value;
  const keys = Object.keys(service.prefetch || {}).filter((_, i) => how === "all" || (how === "half" && i % 2 === 0));
  const found = {};
  await Promise.all(keys.map(async (key) => {
    const path = service.prefetch[key].replaceAll("{{context.patientId}}", encodeURIComponent($("patient").value));
    try {
      const answer = await fetch(`${$("fhir").value}/${path}`, { headers: { Accept: "application/fhir+json" } });
      if (answer.ok) found[key] = await answer.json();
      else if (answer.status === 404 || answer.status === 410) found[key] = null;
    } catch {
      // Not supplied: the service fetches it itself.
    }
  }));
  return found;
}

async function call(hook, context) {
  const service = services.find((s) => s.hook === hook);
  if (!service) {
    $("status").textContent = `No service for ${hook}: read discovery first.`;
    return;
  }
  $("status").textContent = `Asking ${service.id} …`;
  const body = {
    hook,
    hookInstance: crypto.randomUUID(),
    fhirServer: $("fhir").value,
    context: { userId: $("user").value, patientId: $("patient").value, ...context },
    prefetch: await prefetchOf(service),
  };
  const started = performance.now();
  const url = `${$("discovery").value}/${service.id}`;
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const content = await answer.json();
  const ms = Math.round(performance.now() - started);
  $("request").textContent = JSON.stringify(body, null, 1);
  $("response").textContent = JSON.stringify(content, null, 1);
  $("cards").replaceChildren();
  if (!answer.ok) {
    const issue = content.issue && content.issue[0] ? content.issue[0].diagnostics : "no reason given";
    $("status").textContent = `${hook}: ${answer.status}, ${issue}. Nothing was judged.`;
    return;
  }
  for (const card of content.cards) $("cards").append(show(card, url));
  const words = content.cards.length ? `${content.cards.length} card` : "no card (this is no statement that EMH is excluded)";
  $("status").textContent = `${hook}: ${words}, ${ms} ms`;
}

function show(card, url) {
  const node = document.createElement("article");
  node.className = `card ${card.indicator}`;
  node.dataset.card = card.source.topic ? card.source.topic.code : "";
  node.dataset.uuid = card.uuid;
  const title = document.createElement("h3");
  title.textContent = card.summary;
  const detail = document.createElement("div");
  detail.className = "detail";
  detail.append(render(card.detail || ""));
  node.append(title, detail);
  for (const suggestion of card.suggestions || []) {
    node.append(button(suggestion.actions[0].description, () => {
      suggestion.actions.forEach(apply);
      send(url, { card: card.uuid, outcome: "accepted", acceptedSuggestions: [{ id: suggestion.uuid }] });
    }));
  }
  if (card.overrideReasons) node.append(override(card, url, node));
  for (const link of [...(card.links || []), ...(card.source.url ? [{ label: card.source.label, url: card.source.url }] : [])]) {
    if (!/^https?:\/\//.test(link.url)) continue;
    const anchor = document.createElement("a");
    anchor.textContent = link.label;
    anchor.href = link.url;
    anchor.rel = "noreferrer noopener";
    anchor.target = "_blank";
    node.append(anchor);
  }
  return node;
}

function override(card, url, node) {
  const row = document.createElement("p");
  const reasons = document.createElement("select");
  for (const reason of card.overrideReasons) {
    const option = document.createElement("option");
    option.value = reason.code;
    option.textContent = reason.display;
    reasons.append(option);
  }
  const dismiss = button("Override", () => {
    const { code, system } = card.overrideReasons.find((r) => r.code === reasons.value);
    send(url, { card: card.uuid, outcome: "overridden", overrideReason: { reason: { code, system } } });
    node.remove();
  });
  row.append(reasons, dismiss);
  return row;
}

function apply(action) {
  if (action.type === "delete") orders.delete(action.resourceId);
  else {
    const resource = { ...action.resource, id: action.resource.id || `new-${++count}` };
    orders.set(`${resource.resourceType}/${resource.id}`, resource);
  }
  list();
}

async function send(url, answer) {
  const answered = { ...answer, outcomeTimestamp: new Date().toISOString() };
  const response = await fetch(`${url}/feedback`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ feedback: [answered] }),
  });
  item($("feedback"), `${answer.outcome}: ${response.status}`);
}

function list() {
  $("orders").replaceChildren();
  for (const [reference, resource] of orders) {
    const notes = (resource.note || []).map((note) => note.text).join("; ");
    const text = `${reference}: ${resource.code ? resource.code.text : ""} [${resource.status}] ${notes}`;
    const node = item($("orders"), text);
    node.append(button("Remove", () => { orders.delete(reference); list(); }));
  }
}

function bundle() {
  return { resourceType: "Bundle", type: "collection", entry: [...orders.values()].map((resource) => ({ resource })) };
}

function select() {
  const code = $("order-code").value.trim();
  const resource = {
    resourceType: "ServiceRequest",
    id: `draft-${++count}`,
    status: "draft",
    intent: "order",
    priority: $("order-priority").value,
    subject: { reference: `Patient/${$("patient").value}` },
    code: {
      text: $("order-text").value,
      ...(code ? { coding: [{ system: "http://snomed.info/sct", code }] } : {}),
    },
  };
  const reference = `ServiceRequest/${resource.id}`;
  orders.set(reference, resource);
  list();
  return call("order-select", { selections: [reference], draftOrders: bundle() });
}

function guarded(action) {
  return async () => {
    try {
      await action();
    } catch (error) {
      $("status").textContent = `Failed: ${error.message}`;
    }
  };
}

$("discovery").value = query("serviceDiscoveryURL", `${location.origin}/cds-services`);
$("fhir").value = query("fhirServiceUrl", "http://127.0.0.1:8080/fhir");
$("patient").value = query("patientId", "");
$("discover").addEventListener("click", guarded(discover));
$("select").addEventListener("click", guarded(select));
$("sign").addEventListener("click", guarded(() => call("order-sign", { draftOrders: bundle() })));
$("view").addEventListener("click", guarded(() => call("patient-view", {})));
guarded(discover)();
