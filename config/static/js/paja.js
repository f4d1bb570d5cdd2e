// Small behaviours of the layout. Every page works without them, less comfortably.
// Words shown to people come from data attributes and <template>s in base.html, translated there.

const connection = () => document.getElementById("connection");

// Menus made of <details>: close on Escape, on a click elsewhere and when focus leaves.
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!except || !menu.contains(except)) menu.removeAttribute("open");
  }
}
document.addEventListener("click", (event) => closeMenus(event.target));
document.addEventListener("focusin", (event) => closeMenus(event.target));
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("details.menu[open]");
  if (event.key !== "Escape" || !menu) return;
  const hadFocus = menu.contains(document.activeElement);
  closeMenus();
  if (hadFocus) menu.querySelector("summary").focus();
});

// Asking before something that cannot be undone: <form data-confirm="…">, or hx-confirm on an htmx element.
function ask(question, action) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("[data-confirm-text]").textContent = question;
  const button = dialog.querySelector("[value=yes]");
  button.textContent = action || button.dataset.default;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
function saysTheSame(form, other) {
  const said = (each) => [...new FormData(each)].filter(([name]) => name !== "csrfmiddlewaretoken").flat().join("\n");
  return form.action === other.action && said(form) === said(other);
}
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const source = event.submitter?.dataset.confirm ? event.submitter : form;
  if (!source.dataset.confirm || form.dataset.confirmed || form.matches("[hx-post], [data-hx-post]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const submitter = event.submitter;
  if (!(await ask(source.dataset.confirm, source.dataset.confirmAction))) return;
  // While the question was open, a page that follows something may have drawn this form anew.
  const now = form.isConnected ? form : [...document.forms].find((each) => saysTheSame(each, form));
  if (!now) return;
  now.dataset.confirmed = "yes";
  now.requestSubmit(now === form ? submitter : undefined);
  delete now.dataset.confirmed;
}, true);
document.addEventListener("htmx:confirm", async (event) => {
  const question = event.detail.question ?? event.detail.elt.dataset.confirm;
  if (!question) return;
  event.preventDefault();
  if (await ask(question, event.detail.elt.dataset.confirmAction)) event.detail.issueRequest(true);
});

// One press, one request: a plain form's button goes quiet while the page is on its way.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.target === "_blank") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-disabled", "true");
  setTimeout(reopenForms, 8000);
});
function reopenForms() {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelectorAll("[aria-disabled]").forEach((button) => button.removeAttribute("aria-disabled"));
  }
}
window.addEventListener("pageshow", reopenForms);

// Requests by htmx: say when the connection is lost, and leave the page when the login has ended.
for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => connection()?.removeAttribute("hidden"));
}
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status >= 500) connection()?.removeAttribute("hidden");
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) connection()?.setAttribute("hidden", "");
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (/^\s*<!doctype/i.test(event.detail.xhr.responseText)) {
    event.detail.shouldSwap = false;
    window.location.reload();
  }
});

// Fragments that ask for themselves again ([data-poll]). A page that nobody looks at asks more rarely, and at once
// when somebody looks again. What was open, chosen or had the focus stays so when a fragment is drawn anew.
const HIDDEN_PAUSE = 10_000;
const asked = new Map();
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, triggeringEvent } = event.detail;
  if (!elt.matches("[data-poll]")) return;
  const now = Date.now();
  if (document.hidden && !triggeringEvent && now - (asked.get(elt.id) ?? 0) < HIDDEN_PAUSE) {
    event.preventDefault();
  } else {
    asked.set(elt.id, now);
  }
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-poll]")) htmx.trigger(element, "paja:look");
});
let kept = { open: [], chosen: [], focus: "" };
document.addEventListener("htmx:beforeSwap", (event) => {
  const open = [...event.detail.target.querySelectorAll("details[open][id]")].map((each) => each.id);
  const chosen = [...event.detail.target.querySelectorAll("input[type=radio][id]:checked")].map((each) => each.id);
  kept = { open, chosen, focus: document.activeElement?.id ?? "" };
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of kept.open) document.getElementById(id)?.setAttribute("open", "");
  for (const id of kept.chosen) {
    const radio = document.getElementById(id);
    if (radio && !radio.disabled) radio.checked = true;
  }
  const held = kept.focus && document.getElementById(kept.focus);
  if (held && document.activeElement === document.body) held.focus({ preventScroll: true });
});

// “Tell me when it is ready”: asked for per session ([data-tell]), told by whatever part of a page first has the
// news of it ([data-news]). What was asked for is remembered in the browser, so any tab may tell.
const TELL = "paja_tell";
function sessionsToTell() {
  try {
    return new Set(JSON.parse(localStorage.getItem(TELL) ?? "[]"));
  } catch {
    return new Set();
  }
}
function rememberToTell(change) {
  const sessions = sessionsToTell();
  change(sessions);
  try {
    localStorage.setItem(TELL, JSON.stringify([...sessions].slice(-20)));
  } catch {
    // A browser that keeps nothing asks again on the next page.
  }
}
function canTell() {
  if (!("Notification" in window) || Notification.permission === "denied") return false;
  if (Notification.permission === "granted") return true;
  try {
    new Notification(""); // shows nothing without the permission; browsers of telephones have the name only
    return true;
  } catch {
    return false;
  }
}
function dressTelling() {
  const sessions = sessionsToTell();
  for (const button of document.querySelectorAll("[data-tell]")) {
    button.hidden = sessions.has(button.dataset.tell) || !canTell();
  }
  for (const words of document.querySelectorAll("[data-told]")) {
    words.hidden = !sessions.has(words.dataset.told) || Notification.permission !== "granted";
  }
  for (const { dataset } of document.querySelectorAll("[data-news]")) {
    if (!sessions.has(dataset.news)) continue;
    rememberToTell((all) => all.delete(dataset.news));
    sessions.delete(dataset.news);
    if (!dataset.newsTitle || !canTell()) continue;
    const news = new Notification(dataset.newsTitle, { body: dataset.newsText, tag: dataset.news });
    news.onclick = () => window.focus();
  }
}
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-tell]");
  if (!button) return;
  const { tell } = button.dataset;
  if ((await Notification.requestPermission()) === "granted") rememberToTell((all) => all.add(tell));
  dressTelling();
});

// Copy buttons on code, and on anything with data-copy="text".
function dressCode(root) {
  const template = document.getElementById("copy-button");
  for (const block of root.querySelectorAll(".prose .codehilite, .prose > pre, .code-block")) {
    if (block.querySelector(".copy-button") || block.closest("[data-no-copy]")) continue;
    let holder = block;
    if (block.tagName === "PRE") {
      holder = document.createElement("div");
      holder.className = "code-block";
      block.replaceWith(holder);
      holder.append(block);
    }
    holder.classList.add("code-block");
    for (const pre of holder.querySelectorAll("pre")) pre.tabIndex = 0;
    holder.append(template.content.cloneNode(true));
  }
}
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.(".copy-button, [data-copy]");
  if (!button) return;
  const text = button.dataset.copy ?? button.parentElement.querySelector("pre").innerText;
  await navigator.clipboard.writeText(text);
  const label = button.querySelector("[data-label]") ?? button;
  const before = label.textContent;
  label.textContent = document.getElementById("copy-button").dataset.copied;
  button.classList.add("is-done");
  setTimeout(() => { label.textContent = before; button.classList.remove("is-done"); }, 2000);
});

// Notices that can be put away, passwords that can be looked at, the reader's time zone proposed at sign-up.
document.addEventListener("click", (event) => {
  event.target.closest?.("[data-dismiss]")?.closest(".notice")?.remove();
  const eye = event.target.closest?.("[data-show-password]");
  if (!eye) return;
  const input = eye.parentElement.querySelector("input");
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  eye.setAttribute("aria-pressed", String(!shown));
  eye.textContent = shown ? eye.dataset.show : eye.dataset.hide;
});
function guessTimeZone(root) {
  const select = root.querySelector("select[name=time_zone][data-guess], [data-guess-time-zone] select[name=time_zone]");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (select && [...select.options].some((option) => option.value === zone)) select.value = zone;
}

function dress(root) {
  dressCode(root);
  guessTimeZone(root);
  dressTelling();
}
document.addEventListener("htmx:load", (event) => dress(event.detail.elt));
dress(document);
document.querySelector(".course-map [aria-current=page]")?.scrollIntoView({ block: "nearest" });
