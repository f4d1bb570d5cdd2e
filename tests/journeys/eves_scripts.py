"""What a page of Eve's runs in the browser of whoever visits it."""

# Each answers with what Eve's page got to know. "" is nothing: an opaque answer, an error, a closed door.
ATTACKS = """
async (places) => {
  const {lab, hub, paja, kernel, stop} = places;
  const read = async (url, options) => {
    try {
      const answer = await fetch(url, {credentials: "include", ...options});
      return answer.type === "opaque" ? "" : `${answer.status} ${(await answer.text()).slice(0, 80)}`;
    } catch (error) { return ""; }
  };
  const load = (tag, url) => new Promise((resolve) => {
    const element = document.createElement(tag);
    element.onload = () => resolve(`loaded ${window.stolen || ""}`);
    element.onerror = () => resolve("");
    element.src = url;
    document.body.append(element);
  });
  const connect = (url) => new Promise((resolve) => {
    const socket = new WebSocket(url.replace("http", "ws"));
    socket.onopen = () => resolve("open");
    socket.onerror = () => resolve("");
  });
  const stream = (url) => new Promise((resolve) => {
    const source = new EventSource(url, {withCredentials: true});
    source.onmessage = (event) => resolve(event.data);
    source.onerror = () => { source.close(); resolve(""); };
  });
  const got = {};
  const json = {headers: {"Content-Type": "application/json"}, body: "{}"};
  for (const url of [lab + "api/contents", lab + "files/secret.js", lab + "lab", hub + "hub/api/user",
                     hub + "hub/home", paja, paja + "api/v1/sessions/", paja + "settings/"]) {
    got["read " + url] = await read(url);
    got["read without cors " + url] = await read(url, {mode: "no-cors"});
  }
  for (const url of [lab + "api/kernels", lab + "api/shutdown", lab + "api/contents", hub + "hub/api/users",
                     paja + "api/v1/sessions/", stop]) {
    got["post " + url] = await read(url, {method: "POST", ...json});
    got["post without cors " + url] = await read(url, {method: "POST", mode: "no-cors", body: "{}"});
  }
  for (const path of ["api/contents/eve.txt", "paja/notice"]) {
    got["put " + path] = await read(lab + path, {method: "PUT", ...json});
  }
  got["delete"] = await read(lab + "api/contents/secret.js", {method: "DELETE"});
  got["script"] = await load("script", lab + "files/secret.js");
  got["picture"] = await load("img", lab + "files/secret.svg");
  got["kernel"] = await connect(lab + "api/kernels/" + kernel + "/channels");
  got["events"] = await connect(lab + "api/events/subscribe");
  got["progress"] = await stream(hub + "hub/api/users/x/servers/y/progress");
  return got;
}
"""

# A form in a frame sends cookies as a person's own press would.
PRESS = """
([url, fields]) => new Promise((resolve) => {
  const frame = document.createElement("iframe");
  frame.name = "target" + Math.random();
  document.body.append(frame);
  const form = document.createElement("form");
  Object.assign(form, {method: "post", action: url, target: frame.name, enctype: "text/plain"});
  if (Object.keys(fields).length) form.enctype = "application/x-www-form-urlencoded";
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("input");
    Object.assign(field, {type: "hidden", name, value});
    form.append(field);
  }
  document.body.append(form);
  frame.onload = () => resolve(true);
  setTimeout(() => form.submit(), 0);
})
"""

CONNECT = """
(url) => new Promise((resolve) => {
  const socket = new WebSocket(url.replace("http", "ws"));
  socket.onopen = () => { socket.close(); resolve("open"); };
  socket.onerror = () => resolve("shut");
})
"""

TOSS = """
([domain, names, paths]) => {
  for (const [name, value] of Object.entries(names))
    for (const path of paths)
      for (const secure of ["", "; secure"])
        document.cookie = `${name}=${value}; domain=${domain}; path=${path}${secure}`;
}
"""
