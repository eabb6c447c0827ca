// The explorer's only script: runs queries, shows answers, browses the schema.
// Text from the server is put into the page as text nodes only, never as markup.
"use strict";

const byId = (id) => document.getElementById(id);
const store = window.sessionStorage;
const KEY = "fondaco.key";
const QUERY = "fondaco.query";
const VARIABLES = "fondaco.variables";
const TRAIL_MAX = 20;
const FOUND_MAX = 80;
const WELCOME = `# Ctrl+Enter runs the query. Examples are above, the schema is on the right.
{
  __typename
}
`;

const INTROSPECTION = `query Schema {
  __schema {
    queryType { name } mutationType { name }
    types {
      kind name description
      fields(includeDeprecated: true) {
        name description isDeprecated deprecationReason
        args { name description defaultValue type { ...Ref } }
        type { ...Ref }
      }
      inputFields { name description defaultValue type { ...Ref } }
      interfaces { name }
      enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
      possibleTypes { name }
    }
  }
}
fragment Ref on __Type {
  kind name ofType { kind name ofType { kind name ofType { kind name } } }
}`;

function element(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === "click") node.addEventListener("click", value);
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// The key may come in the address's fragment, which no server sees; it leaves the address at once.
function takeKeyFromAddress() {
  const key = new URLSearchParams(window.location.hash.slice(1)).get("key");
  if (!key) return;
  store.setItem(KEY, key);
  window.history.replaceState(null, "", window.location.pathname);
}

async function send(query, variables, extra) {
  const headers = {
    "content-type": "application/json",
    accept: "application/graphql-response+json",
    ...extra,
  };
  const key = byId("key").value.trim();
  if (key) headers.authorization = "Bearer " + key;
  const began = performance.now();
  const response = await fetch("/graphql", {
    method: "POST",
    headers,
    credentials: "omit",
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  const answer = { status: response.status, ms: performance.now() - began, text, json: null };
  try {
    answer.json = JSON.parse(text);
  } catch {
    answer.json = null;
  }
  return answer;
}

function readVariables() {
  const text = byId("variables").value.trim();
  if (!text) return {};
  const value = JSON.parse(text);
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new Error("the variables are not an object");
  }
  return value;
}

async function run(extra) {
  let variables;
  try {
    variables = readVariables();
  } catch (error) {
    say([element("span", { class: "bad" }, "Variables"), error.message]);
    byId("variables").focus();
    return;
  }
  const buttons = [byId("run"), byId("cost")];
  buttons.forEach((button) => { button.disabled = true; });
  say([element("span", { class: "quiet" }, "Running…")]);
  try {
    show(await send(byId("query").value, variables, extra));
  } catch {
    say([element("span", { class: "bad" }, "No answer"), "The server cannot be reached."]);
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
  }
}

function say(parts) {
  byId("status").replaceChildren(...parts.map((part) =>
    typeof part === "string" ? element("span", null, part) : part));
}

function show(answer) {
  const errors = answer.json?.errors?.length ?? 0;
  const good = answer.status === 200 && errors === 0;
  const parts = [
    element("span", { class: good ? "good" : "bad" }, `HTTP ${answer.status}`),
    `${Math.round(answer.ms)} ms`,
  ];
  if (errors > 0) {
    const codes = answer.json.errors.map((error) => error.extensions?.code ?? "error");
    parts.push(element("span", { class: "bad" }, [...new Set(codes)].join(", ")));
  }
  const cost = answer.json?.extensions?.cost;
  if (cost) {
    parts.push(element("span", null, "Cost ", element("b", null, String(cost.actual)),
      ` of ${cost.requested} asked`));
    parts.push(element("span", { class: "quiet" },
      `${cost.bucket.available} of ${cost.bucket.capacity} left`));
  }
  say(parts);
  const target = byId("answer");
  if (answer.json === null) target.replaceChildren(answer.text);
  else target.replaceChildren(...paint(JSON.stringify(answer.json, null, 2)));
}

// Colours JSON token by token.
function paint(text) {
  const token = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)/g;
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(token)) {
    nodes.push(text.slice(last, match.index));
    const [whole, string, colon, number] = match;
    const kind = string ? (colon ? "j-key" : "j-text") : number ? "j-number" : "j-word";
    nodes.push(element("span", { class: kind }, string ?? whole));
    if (colon) nodes.push(colon);
    last = match.index + whole.length;
  }
  nodes.push(text.slice(last));
  return nodes;
}

// The saved queries tell of the schema: the server gives them to a key that may read it.
const saved = { loadedFor: "", examples: [] };

async function loadExamples() {
  const key = byId("key").value.trim();
  if (saved.loadedFor === key) return;
  saved.loadedFor = key;
  saved.examples = [];
  const select = byId("examples");
  select.replaceChildren(select.options[0]);
  if (!key) return;
  let found;
  try {
    const headers = { authorization: "Bearer " + key };
    const answer = await fetch("/graphiql/examples.json", { headers, credentials: "omit" });
    found = answer.ok ? await answer.json() : [];
  } catch {
    saved.loadedFor = "";
    return;
  }
  if (saved.loadedFor !== key) return;
  saved.examples = found;
  found.forEach((example, index) => {
    select.append(element("option", { value: String(index) }, example.title));
  });
}

function choose(example) {
  byId("query").value = example.query;
  byId("variables").value = example.variables;
  remember();
}

function remember() {
  store.setItem(QUERY, byId("query").value);
  store.setItem(VARIABLES, byId("variables").value);
}

// --- The schema browser.

const schema = { types: new Map(), roots: [], trail: [], loadedFor: null };

async function loadSchema() {
  const key = byId("key").value.trim();
  if (schema.loadedFor === key) return;
  schema.loadedFor = key;
  schema.types.clear();
  const docs = byId("docs");
  let answer;
  try {
    answer = await send(INTROSPECTION, {}, {});
  } catch {
    schema.loadedFor = null;
    docs.replaceChildren(element("p", { class: "quiet" }, "The server cannot be reached."));
    return;
  }
  const found = answer.json?.data?.__schema;
  if (!found) {
    const why = answer.json?.errors?.[0]?.message ?? "The schema cannot be read.";
    docs.replaceChildren(element("p", { class: "quiet" }, why));
    return;
  }
  found.types.filter((type) => !type.name.startsWith("__"))
    .forEach((type) => schema.types.set(type.name, type));
  schema.roots = [found.queryType, found.mutationType].filter(Boolean).map((type) => type.name);
  schema.trail = [];
  showDocs();
}

function spell(type) {
  if (type.kind === "NON_NULL") return spell(type.ofType) + "!";
  if (type.kind === "LIST") return "[" + spell(type.ofType) + "]";
  return type.name;
}

function bare(type) {
  return type.ofType ? bare(type.ofType) : type.name;
}

function typeLink(name, text) {
  if (!schema.types.has(name)) return element("code", null, text ?? name);
  const go = { type: "button", class: "link", click: () => open(name) };
  return element("button", go, text ?? name);
}

function open(name) {
  const at = schema.trail.indexOf(name);
  const further = [...schema.trail, name].slice(-TRAIL_MAX);
  schema.trail = at >= 0 ? schema.trail.slice(0, at + 1) : further;
  byId("search").value = "";
  showDocs();
  byId("docs").focus({ preventScroll: true });
}

function showDocs() {
  const docs = byId("docs");
  if (schema.types.size === 0) return;
  const words = byId("search").value.trim().toLowerCase();
  const current = schema.trail.at(-1);
  showTrail();
  if (words) docs.replaceChildren(...searchResults(words));
  else if (current) docs.replaceChildren(...typePage(schema.types.get(current)));
  else docs.replaceChildren(...overview());
  docs.scrollTop = 0;
}

function showTrail() {
  const home = element("button", {
    type: "button", class: "link", click: () => { schema.trail = []; showDocs(); },
  }, "Schema");
  const steps = schema.trail.slice(0, -1).map((name) => typeLink(name));
  byId("trail").replaceChildren(...(schema.trail.length ? [home, ...steps] : []));
}

function section(title, items) {
  return items.length ? [element("h3", null, title), element("ul", null, ...items)] : [];
}

function overview() {
  const rest = [...schema.types.values()].filter((type) => !schema.roots.includes(type.name));
  const group = (kind) => rest.filter((type) => type.kind === kind)
    .map((type) => element("li", null, typeLink(type.name), note(type.description)));
  return [
    ...section("Begin here", schema.roots.map((name) => element("li", null, typeLink(name)))),
    ...section("Interfaces", group("INTERFACE")),
    ...section("Objects", group("OBJECT")),
    ...section("Unions", group("UNION")),
    ...section("Inputs", group("INPUT_OBJECT")),
    ...section("Enums", group("ENUM")),
    ...section("Scalars", group("SCALAR")),
  ];
}

// A description; what stands between backticks is code.
function note(text) {
  if (!text) return null;
  const parts = text.split("`").map((part, index) =>
    index % 2 ? element("code", null, part) : part);
  return element("p", null, ...parts);
}

function named(item, extra) {
  const name = element("code", item.isDeprecated ? { class: "old" } : null, item.name);
  const why = item.isDeprecated ? note("Deprecated: " + (item.deprecationReason ?? "")) : null;
  const type = item.type ? [": ", typeLink(bare(item.type), spell(item.type))] : [];
  const preset = item.defaultValue ? ` = ${item.defaultValue}` : "";
  return element("li", null, name, ...(extra ?? []), ...type, preset, why, note(item.description));
}

function argumentsOf(field) {
  if (!field.args?.length) return [];
  const parts = field.args.flatMap((arg, index) => [
    index ? ", " : "", element("code", null, arg.name + ": "),
    typeLink(bare(arg.type), spell(arg.type)),
  ]);
  return ["(", ...parts, ")"];
}

function typePage(type) {
  const links = (types) => (types ?? []).map((one) => element("li", null, typeLink(one.name)));
  return [
    element("h2", null, type.name),
    element("p", { class: "quiet" }, type.kind.toLowerCase().replace("_", " ")),
    note(type.description),
    ...section("Fields", (type.fields ?? []).map((field) => named(field, argumentsOf(field)))),
    ...section("Input fields", (type.inputFields ?? []).map((field) => named(field))),
    ...section("Values", (type.enumValues ?? []).map((value) => named(value))),
    ...section("Implements", links(type.interfaces)),
    ...section("Possible types", links(type.possibleTypes)),
  ].filter(Boolean);
}

function searchResults(words) {
  const items = [];
  for (const type of schema.types.values()) {
    if (type.name.toLowerCase().includes(words)) {
      items.push(element("li", null, typeLink(type.name), note(type.description)));
    }
    for (const field of type.fields ?? type.inputFields ?? type.enumValues ?? []) {
      if (!field.name.toLowerCase().includes(words)) continue;
      items.push(element("li", null, typeLink(type.name, `${type.name}.${field.name}`),
        note(field.description)));
    }
    if (items.length >= FOUND_MAX) break;
  }
  if (!items.length) return [element("p", { class: "quiet" }, "Nothing found.")];
  return section("Found", items.slice(0, FOUND_MAX));
}

// --- Start.

async function start() {
  takeKeyFromAddress();
  byId("key").value = store.getItem(KEY) ?? "";
  byId("run").addEventListener("click", () => run({}));
  byId("cost").addEventListener("click", () => run({ "x-cost-only": "1" }));
  byId("search").addEventListener("input", showDocs);
  byId("query").addEventListener("input", remember);
  byId("variables").addEventListener("input", remember);
  byId("key").addEventListener("change", () => {
    store.setItem(KEY, byId("key").value.trim());
    loadExamples();
    loadSchema();
  });
  window.addEventListener("hashchange", () => {
    takeKeyFromAddress();
    byId("key").value = store.getItem(KEY) ?? "";
    loadExamples();
    loadSchema();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (!byId("run").disabled) run({});
    }
  });
  byId("examples").addEventListener("change", () => {
    const { value } = byId("examples");
    if (value !== "") choose(saved.examples[Number(value)]);
  });
  await loadExamples();
  const kept = store.getItem(QUERY);
  if (kept !== null) {
    byId("query").value = kept;
    byId("variables").value = store.getItem(VARIABLES) ?? "";
  } else if (saved.examples.length > 0) {
    choose(saved.examples[0]);
    byId("examples").value = "0";
  } else {
    byId("query").value = WELCOME;
  }
  if (byId("key").value) loadSchema();
}

start();
