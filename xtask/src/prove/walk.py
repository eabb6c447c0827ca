#!/usr/bin/env python3
"""Walks a consent at the simulated bank like a browser without JavaScript, and asks what the bank knows.

  walk.py link GRAPHQL END_USER BANK_USER INSTITUTION RETURN_URL   ends when the whole history was read
  walk.py frontend GRAPHQL END_USER SCOPE ...                      prints a frontend token
  walk.py ids GRAPHQL END_USER                                     prints ids and cursors of a person, one a line
  walk.py schema GRAPHQL                                           prints the schema but for what changes with each call
  walk.py secrets BANK_URL                                         prints every token and account number, one a line

The API key stands in PROOF_API_KEY. Standard library only, loopback only."""
import html, http.cookiejar, json, os, re, sys, time, urllib.error, urllib.parse, urllib.request

WAIT_SECONDS = 120


def fetch(url, body=None, headers=None, opener=urllib.request.build_opener()):
    if not re.match(r"https?://(127\.0\.0\.1|localhost)[:/]", url):
        sys.exit("loopback only")
    return opener.open(urllib.request.Request(url, body, headers or {}), timeout=30)


def ask(graphql, query, variables=None):
    headers = {"content-type": "application/json", "authorization": "Bearer " + os.environ["PROOF_API_KEY"]}
    answer = json.load(fetch(graphql, json.dumps({"query": query, "variables": variables or {}}).encode(), headers))
    if "errors" in answer:
        sys.exit(json.dumps(answer["errors"]))
    return answer["data"]


class Browser:
    def __init__(self):
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def open(self, url, body=None):
        headers = {"user-agent": "Mozilla/5.0"}
        if body is not None:
            at = urllib.parse.urlsplit(url)
            headers["origin"] = f"{at.scheme}://{at.netloc}"
        answer = fetch(url, body, headers, self.opener)
        self.at, self.page = answer.url, answer.read().decode()

    def submit(self, action, **filled):
        for form in re.findall(r"<form.*?</form>", self.page, re.S):
            to = html.unescape(re.search(r'action="([^"]*)"', form).group(1))
            if to.endswith(action) and re.search(r'method="post"', form, re.I):
                fields = {}
                for tag in re.findall(r"<(?:input|button)[^>]*>", form):
                    name, value = (re.search(rf'\b{key}="([^"]*)"', tag) for key in ("name", "value"))
                    if name:
                        fields.setdefault(html.unescape(name.group(1)), html.unescape(value.group(1)) if value else "")
                fields.update(filled)
                return self.open(urllib.parse.urljoin(self.at, to), urllib.parse.urlencode(fields).encode())
        sys.exit(f"no form {action}: {self.page}")

    def leave(self):
        own = urllib.parse.urlsplit(self.at).netloc
        links = [html.unescape(link) for link in re.findall(r'href="([^"]*)"', self.page)]
        self.open(next(link for link in links if urllib.parse.urlsplit(link).netloc not in ("", own)))


def link(graphql, end_user, bank_user, institution, return_url):
    start = "mutation($i: StartLinkInput!) { startLink(input: $i) { url userErrors { code message } } }"
    given = {"endUserReference": end_user, "institutionId": institution, "returnUrl": return_url, "idempotencyKey": "link-" + end_user}
    started = ask(graphql, start, {"i": given})["startLink"]
    browser = Browser()
    browser.open(started["url"] or sys.exit(json.dumps(started)))
    browser.submit("/continue")
    browser.leave()
    browser.submit("/bank/login", user=bank_user, password="sandbox")
    browser.submit("/bank/approve", decision="approve")
    if "Your accounts are connected" not in browser.page:
        sys.exit(browser.page)
    end = time.time() + WAIT_SECONDS
    while time.time() < end:
        links = ask(graphql, "{ links(first: 50) { nodes { progress } } }")["links"]["nodes"]
        if all(one["progress"] == "HISTORY" for one in links):
            return
        time.sleep(0.2)
    sys.exit(f"not read within {WAIT_SECONDS} s: {links}")


def frontend(graphql, end_user, *scopes):
    make = "mutation($i: CreateFrontendTokenInput!) { createFrontendToken(input: $i) { token userErrors { code message } } }"
    made = ask(graphql, make, {"i": {"endUserReference": end_user, "scopes": scopes, "ttlSeconds": 3600}})["createFrontendToken"]
    print(made["token"] or sys.exit(json.dumps(made)))


def ids(graphql, end_user):
    query = """{ accounts(first: 50) { nodes { id endUser { id reference } link { id consent { id } }
        balances { id } transactions(first: 3) { edges { cursor node { id } } } } } }"""
    found = []

    def gather(value):
        if isinstance(value, dict):
            for key, below in value.items():
                found.append(below) if key in ("id", "cursor") else gather(below)
        elif isinstance(value, list):
            for one in value:
                gather(one)

    for account in ask(graphql, query)["accounts"]["nodes"]:
        if account["endUser"]["reference"] == end_user:
            gather(account)
    print("\n".join(dict.fromkeys(found)))


TYPE = "name kind ofType { name kind ofType { name kind ofType { name kind ofType { name kind } } } }"
SCHEMA = f"""{{ __schema {{ queryType {{ name }} mutationType {{ name }} types {{ kind name possibleTypes {{ name }}
  fields(includeDeprecated: true) {{ name args {{ name type {{ {TYPE} }} defaultValue }} type {{ {TYPE} }} }}
  inputFields {{ name type {{ {TYPE} }} defaultValue }} enumValues {{ name }} }} }} }}"""
# The level of the caller's own bucket is another one after each call, whoever made it.
CHANGING = {("Viewer", "rateLimit")}


def schema(graphql):
    data = ask(graphql, SCHEMA)
    for type_ in data["__schema"]["types"]:
        if type_["fields"]:
            type_["fields"] = [f for f in type_["fields"] if (type_["name"], f["name"]) not in CHANGING]
    print(json.dumps(data))


def secrets(bank):
    for one in json.load(fetch(bank + "/control/tokens"))["tokens"]:
        print(one["value"])
    info = json.load(fetch(bank + "/control/info"))
    print(info["client"]["secret"])
    for person in info["people"]:
        for account in person["accounts"]:
            print(account.get("iban") or account.get("bban"))


{"link": link, "frontend": frontend, "ids": ids, "schema": schema, "secrets": secrets}[sys.argv[1]](*sys.argv[2:])
