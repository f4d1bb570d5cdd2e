/*
 * Paja's part of JupyterLab and Notebook 7: how long the session lasts, when its work was saved, a way back.
 *
 * Written by hand and served as it is, so that a session needs no build. Both applications load this script as a
 * module federation container: `init` hands over the modules that all extensions share, `get` gives ours. The words
 * come with the notice (paja_notice.py), in the learner's language. Whatever fails here, the notebook goes on.
 */
(() => {
  "use strict";

  const NAME = "paja-notice";
  const POLL_MS = 30_000;
  const POLL_MAX_MS = 300_000;
  const MINUTE_MS = 60_000;
  const NOTIFICATION_LETTERS = 140; // what JupyterLab shows of a notification before it cuts it off
  const here = document.currentScript.src;
  let shared = {};

  /** A module that the application shares, or undefined where it has none of that name. */
  async function load(name) {
    const versions = Object.values(shared[name] ?? {});
    const entry = versions.find((version) => version.loaded) ?? versions[0];
    return entry && (await entry.get())();
  }

  /** The address of a page, or "" for anything that is none. */
  function pageUrl(text) {
    try {
      const url = new URL(text);
      return ["http:", "https:"].includes(url.protocol) ? url.href : "";
    } catch {
      return "";
    }
  }

  /** The language where the browser knows it, else the browser's own. */
  function knownLanguage(language) {
    try {
      return Intl.getCanonicalLocales(language)[0];
    } catch {
      return undefined;
    }
  }

  /** "1 h 42 min" in words of the language; "" when the time is over. */
  function formatLeft(endsAt, language) {
    const minutes = Math.ceil((Date.parse(endsAt) - Date.now()) / MINUTE_MS);
    if (!(minutes > 0)) return "";
    const parts = [[Math.floor(minutes / 60), "hour"], [minutes % 60, "minute"]];
    return parts
      .filter(([count, unit]) => count > 0 || (unit === "minute" && minutes < 60))
      .map(([count, unit]) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(count))
      .join(" ");
  }

  /** The time of day, with the date where it was another day; "" for no time. */
  function formatMoment(text, language) {
    const moment = new Date(text ?? "");
    if (Number.isNaN(moment.getTime())) return "";
    const isToday = moment.toDateString() === new Date().toDateString();
    const day = isToday ? {} : { day: "numeric", month: "short" };
    return new Intl.DateTimeFormat(language, { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(moment);
  }

  /** What stands in the bar: "Paja · 1 h 42 min left · saved to Paja 10:41". */
  function describe(notice) {
    const language = knownLanguage(notice.language);
    const words = notice.words ?? {};
    const fill = (sentence, time) => (sentence && time ? sentence.replace("{time}", time) : "");
    return [
      "Paja",
      notice.ends_at && fill(words.left, formatLeft(notice.ends_at, language)),
      notice.saved_at && fill(words.saved, formatMoment(notice.saved_at, language)),
    ].filter(Boolean).join(" · ");
  }

  /** What stands in the bar, as a link to the session's page. */
  class NoticeBar {
    constructor() {
      this.node = document.createElement("div");
      this.node.className = "paja-notice";
      this.node.hidden = true;
      this.link = this.node.appendChild(document.createElement("a"));
      this.link.target = "_blank";
      this.link.rel = "noopener noreferrer";
    }

    show(notice) {
      const url = pageUrl(notice.paja_url);
      this.node.hidden = !url;
      if (!url) return;
      this.node.lang = notice.language ?? "";
      this.node.dataset.level = notice.message ? notice.level : "";
      this.link.href = url;
      this.link.title = notice.message || notice.links?.label || "";
      this.link.textContent = describe(notice);
    }
  }

  /** A notification of our own, for Notebook 7, which has none, and for texts too long for JupyterLab's. */
  class Banner {
    constructor() {
      this.node = document.body.appendChild(document.createElement("div"));
      this.node.className = "paja-notice-banner";
      this.node.setAttribute("role", "status"); // there before its text: only a change is read out
    }

    emit(message, level, { actions, language, close }) {
      this.node.lang = language;
      this.node.dataset.level = level;
      this.node.append(Object.assign(document.createElement("p"), { textContent: message }));
      for (const { label, callback } of actions) this.addButton(label, callback);
      this.addButton(close || "×", () => this.dismiss());
      return NAME;
    }

    addButton(label, callback) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
      button.addEventListener("click", callback);
      this.node.append(button);
    }

    dismiss() {
      this.node.replaceChildren();
    }
  }

  /** Says each message once in this window, and takes it back when it is no longer true. */
  class Announcer {
    constructor(notifications) {
      this.notifications = notifications;
      this.banner = new Banner();
      this.said = "";
      this.takeBack = () => {};
    }

    say(notice) {
      const message = notice.message ?? "";
      if (message === this.said) return;
      this.takeBack();
      this.takeBack = () => {};
      this.said = message;
      if (!message || remembered() === message) return;
      remember(message);
      const url = pageUrl(notice.paja_url);
      const label = notice.links?.label;
      const fits = this.notifications && message.length <= NOTIFICATION_LETTERS;
      const place = fits ? this.notifications : this.banner;
      const id = place.emit(message, notice.level === "warning" ? "warning" : "info", {
        autoClose: false,
        language: notice.language ?? "",
        close: notice.links?.close,
        actions: url && label ? [{ label, callback: () => window.open(url, "_blank", "noopener,noreferrer") }] : [],
      });
      this.takeBack = () => place.dismiss(id);
    }
  }

  /** A message is not said again after the page was loaded anew. */
  function remembered() {
    try {
      return sessionStorage.getItem(NAME);
    } catch {
      return null;
    }
  }

  function remember(message) {
    try {
      sessionStorage.setItem(NAME, message);
    } catch {
      // Storage is off or full: the message may be said again.
    }
  }

  /** Ask for the notice while the page is open and when it is looked at again; less often while nothing answers. */
  function watch(ServerConnection, show) {
    const settings = ServerConnection.makeSettings();
    const url = new URL("paja/notice", new URL(settings.baseUrl, location.href)).href;
    let pause = POLL_MS;
    let notice = {};
    let timer;
    const look = async () => {
      try {
        const answer = await ServerConnection.makeRequest(url, {}, settings);
        if (!answer.ok) throw new Error(answer.statusText);
        notice = await answer.json();
        pause = POLL_MS;
      } catch {
        pause = Math.min(pause * 2, POLL_MAX_MS);
      }
      try {
        show(notice);
      } catch (error) {
        console.warn("Paja's notice cannot be shown.", error);
      }
      clearTimeout(timer);
      timer = setTimeout(look, pause);
    };
    document.addEventListener("visibilitychange", () => document.hidden || look());
    void look();
  }

  async function makePlugin() {
    const [{ Widget }, { ServerConnection }, apputils, statusbar] = await Promise.all(
      ["@lumino/widgets", "@jupyterlab/services", "@jupyterlab/apputils", "@jupyterlab/statusbar"].map(load),
    );
    return {
      id: `${NAME}:plugin`,
      description: "Shows how long the session lasts and when Paja saved its work.",
      autoStart: true,
      optional: statusbar ? [statusbar.IStatusBar] : [],
      activate: (app, statusBar) => {
        const bar = new NoticeBar();
        const announcer = new Announcer(statusBar && apputils?.Notification);
        const widget = new Widget({ node: bar.node });
        widget.id = NAME;
        if (statusBar) {
          statusBar.registerStatusItem(`${NAME}:status`, { item: widget, align: "middle", rank: 1 });
        } else {
          app.shell.add(widget, "top", { rank: 10_005 });
        }
        watch(ServerConnection, (notice) => {
          bar.show(notice);
          announcer.say(notice);
        });
      },
    };
  }

  const modules = {
    "./extension": async () => {
      const plugin = await makePlugin();
      return () => ({ __esModule: true, default: plugin });
    },
    "./style": async () => {
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = new URL("style.css", here).href;
      document.head.append(link);
      return () => ({});
    },
  };

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB[NAME] = {
    init: (scope) => {
      shared = scope;
    },
    get: (module) => modules[module](),
  };
})();
