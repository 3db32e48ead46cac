// Live values: one stream of events a page; pieces of the page are patched in place, so focus, selection and scroll stay where they are.
"use strict";

const panel = {
  settling: false,
  wanted: "",

  /** Make the children of `old` those of `fresh`, touching only what differs. */
  patch(old, fresh) {
    const have = [...old.childNodes], want = [...fresh.childNodes];
    want.forEach((node, i) => {
      const mine = have[i];
      if (!mine) old.appendChild(node);
      else if (mine.nodeType !== node.nodeType || mine.nodeName !== node.nodeName) old.replaceChild(node, mine);
      else if (node.nodeType === Node.ELEMENT_NODE) {
        for (const { name } of [...mine.attributes]) if (!node.hasAttribute(name)) mine.removeAttribute(name);
        for (const { name, value } of node.attributes) if (mine.getAttribute(name) !== value) mine.setAttribute(name, value);
        panel.patch(mine, node);
      } else if (mine.nodeValue !== node.nodeValue) mine.nodeValue = node.nodeValue;
    });
    have.slice(want.length).forEach((node) => node.remove());
  },

  part(name, value) {
    if (typeof value !== "string") {
      document.dispatchEvent(new CustomEvent(`part:${name}`, { detail: value }));
      return;
    }
    const place = document.querySelector(`[data-part="${name}"]`);
    if (!place) return;
    const fresh = document.createElement("template");
    fresh.innerHTML = value; // escaped by the templates that made it
    panel.patch(place, fresh.content);
  },

  link(on, words) {
    const place = document.getElementById("link");
    place.textContent = words;
    place.className = `link ${on ? "on" : "off"}`;
  },

  listen() {
    const topic = document.body.dataset.topic.trim();
    const stream = new EventSource(`/live/${encodeURIComponent(topic)}`);
    stream.addEventListener("open", () => panel.link(true, "live"));
    stream.addEventListener("part", (event) => {
      const { name, value } = JSON.parse(event.data);
      panel.part(name, value);
    });
    stream.addEventListener("error", () => {
      panel.link(false, "no connection");
      if (stream.readyState === EventSource.CLOSED) setTimeout(panel.listen, 3000); // a refusal is not tried again by the browser
    });
    addEventListener("pagehide", () => stream.close(), { once: true });
    addEventListener("pageshow", (event) => event.persisted && location.reload(), { once: true });
  },

  /** Draw the controls again, from the page as the server makes it now; false when there is no such page any more. */
  async renew(place) {
    const answer = await fetch("/controls", { headers: { Accept: "text/html" } });
    if (answer.redirected) return false;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("standing");
    if (!answer.ok || !fresh) return true;
    panel.patch(place, fresh);
    place.dataset.drawn = fresh.dataset.drawn;
    htmx.process(place);
    return true;
  },

  /** Until the controls show what the server said last: one request at a time, tried again when one is lost. */
  async settle() {
    const place = document.getElementById("standing");
    if (!place || panel.settling) return;
    panel.settling = true;
    try {
      while (place.dataset.drawn !== panel.wanted && (await panel.renew(place).catch(() => true)))
        if (place.dataset.drawn !== panel.wanted) await new Promise((done) => setTimeout(done, 500));
    } finally {
      panel.settling = false;
    }
  },

  colour: (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(),
  onScheme: (redraw) => matchMedia("(prefers-color-scheme: light)").addEventListener("change", redraw),
};

document.addEventListener("DOMContentLoaded", () => {
  panel.listen();

  // What stands on the controls page is drawn again when it has changed, whoever changed it and whenever: the page says what it shows.
  document.addEventListener("part:standing", ({ detail }) => {
    panel.wanted = detail.drawn;
    panel.settle();
  });

  // What waits for a confirmation counts down, and goes when it is too late.
  setInterval(() => {
    const left = document.querySelector("[data-seconds]");
    if (!left) return;
    const seconds = Number(left.dataset.seconds) - 1;
    left.dataset.seconds = left.textContent = Math.max(0, seconds);
    if (seconds <= 0) {
      left.removeAttribute("data-seconds");
      document.getElementById("confirm").disabled = true;
    }
  }, 1000);
  document.addEventListener("htmx:afterSwap", ({ target }) => target.querySelector?.("[data-focus]")?.focus());
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-close]")) return;
    event.preventDefault();
    document.getElementById("outcome").replaceChildren();
  });
  document.addEventListener("htmx:sendError", () => panel.link(false, "no connection"));
});
