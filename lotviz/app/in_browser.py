"""Small things that only the browser can do: open a list with the usual keys, say "back", fill the clipboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
import param

from lotviz.app.look import STYLESHEET


class Keys(pn.custom.JSComponent):
    """Opens a list with Enter, Space and the arrow keys: panel-material-ui's Select 0.16 opens by a click only.

    It also tells where the buttons Back and Forward of the browser lead, which Panel's `Location` does not, and keeps
    one entry of the browser's history for all that follows from one gesture: `Location` makes one of every change of
    the address, also of that which answers "back", from where no way would lead forward again. And where
    a control is drawn anew because of what was chosen in it, its successor of the same name is focused, so that a
    keyboard goes on from there. Nothing to see; one serves all of a page.
    """

    def __init__(self, went: Callable[[str], None], **params: Any) -> None:
        super().__init__(**params)
        self._went = went

    def _handle_msg(self, message: Any) -> None:
        if isinstance(message, dict) and isinstance(message.get("search"), str):
            self._went(message["search"])

    _esm = """
    const OPENING = ["Enter", " ", "ArrowDown", "ArrowUp"];
    const LOOK = 200; // milliseconds between looks whether the focused control is still there
    const PATIENCE = 50; // looks, for its successor to be drawn

    function nameOf(node) {
      const ids = (node.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean);
      const labels = ids.map((id) => node.getRootNode().getElementById(id)?.textContent ?? "");
      return node.getAttribute("aria-label") ?? (labels.length ? labels[0] : node.textContent);
    }

    const kindOf = (node) => node.getAttribute("role") ?? node.tagName;

    function* everyOf(root) {
      for (const node of root.querySelectorAll("*")) {
        yield node;
        if (node.shadowRoot) yield* everyOf(node.shadowRoot);
      }
    }

    function successor({ kind, name }) {
      for (const node of everyOf(document)) {
        if (kindOf(node) === kind && node.checkVisibility() && nameOf(node) === name) return node;
      }
      return null;
    }

    // Focus on the successor of a focused control that was drawn anew, unless a hand went elsewhere meanwhile.
    function keepFocus() {
      let held = null;
      let looks = 0;
      const focused = (event) => {
        const node = event.composedPath()[0];
        if (kindOf(node) !== "option") held = { node, kind: kindOf(node), name: nameOf(node) };
        looks = 0;
      };
      const letGo = () => (held = null);
      const timer = setInterval(() => {
        if (held === null || held.node.isConnected || document.activeElement !== document.body) return;
        const next = ++looks > PATIENCE || !held.name ? null : successor(held);
        if (next !== null) next.focus({ preventScroll: true });
        else if (looks > PATIENCE || !held.name) held = null;
      }, LOOK);
      document.addEventListener("focusin", focused, true);
      document.addEventListener("pointerdown", letGo, true);
      return () => {
        clearInterval(timer);
        document.removeEventListener("focusin", focused, true);
        document.removeEventListener("pointerdown", letGo, true);
      };
    }

    // One entry of the history for each gesture; what follows from it, or from Back and Forward, takes its place.
    function keepHistory() {
      const { history } = window;
      const push = history.pushState;
      let gesture = false;
      const begun = () => (gesture = true);
      const gone = () => (gesture = false);
      history.pushState = function (state, title, url) {
        if (new URL(url ?? "", window.location.href).href === window.location.href) return;
        (gesture ? push : history.replaceState).call(history, state, title, url);
        gesture = false;
      };
      document.addEventListener("pointerdown", begun, true);
      document.addEventListener("keydown", begun, true);
      window.addEventListener("popstate", gone);
      return () => {
        history.pushState = push;
        document.removeEventListener("pointerdown", begun, true);
        document.removeEventListener("keydown", begun, true);
        window.removeEventListener("popstate", gone);
      };
    }

    export function render({ model }) {
      const forget = [keepFocus(), keepHistory()];
      let pressed = null; // the list on which a key went down

      const down = (event) => {
        const at = event.composedPath()[0]; // through the shadow roots
        const list = at.matches?.('[role="combobox"][aria-haspopup="listbox"]:not([aria-disabled="true"])');
        const opens = list && OPENING.includes(event.key) && at.getAttribute("aria-expanded") !== "true";
        pressed = opens ? at : null;
        if (!opens) return;
        event.preventDefault();
        event.stopImmediatePropagation();
      };
      // On release: opened earlier, the list would take the release itself for a choice of its first entry.
      const up = (event) => {
        const at = event.composedPath()[0];
        if (pressed === at) at.click();
        pressed = null;
      };
      const went = () => model.send_msg({ search: window.location.search });
      window.addEventListener("popstate", went);
      document.addEventListener("keydown", down, true);
      document.addEventListener("keyup", up, true);
      model.on("remove", () => {
        for (const one of forget) one();
        window.removeEventListener("popstate", went);
        document.removeEventListener("keydown", down, true);
        document.removeEventListener("keyup", up, true);
      });
    }
    """


class CopyButton(pn.custom.JSComponent):
    """A button that puts a text into the clipboard and says so, in words a screen reader speaks."""

    text = param.String("", doc="What is copied.")

    _esm = """
    function copySelected(text, place) { // where the browser withholds the clipboard
      const area = document.createElement("textarea");
      area.value = text;
      area.setAttribute("aria-label", "Text to copy");
      area.style.cssText = "position: fixed; opacity: 0";
      place.append(area);
      area.select();
      const copied = document.execCommand("copy");
      area.remove();
      return copied;
    }

    async function copy(text, place) {
      try {
        await navigator.clipboard.writeText(text);
        return true;
      } catch {
        return copySelected(text, place);
      }
    }

    export function render({ model, el }) {
      const row = document.createElement("div");
      const button = document.createElement("button");
      const said = document.createElement("span");
      row.className = "copy";
      button.textContent = "Copy to clipboard";
      said.setAttribute("role", "status");
      button.addEventListener("click", async () => {
        said.textContent = "";
        const copied = await copy(model.text, row);
        button.focus();
        said.textContent = copied ? "Copied." : "The browser does not allow it. Select the text and copy it.";
      });
      row.append(button, said);
      el.append(row);
    }
    """
    _stylesheets = [STYLESHEET]  # noqa: RUF012 - Panel's own name and type


class Connection(pn.custom.JSComponent):
    """Says when the page no longer reaches the server: it would look alive, and nothing would follow from a click."""

    _esm = """
    export function render({ view, el }) {
      const shown = view.model.document;
      let said = null;

      function lost() {
        if (said !== null) return;
        said = document.createElement("div");
        said.className = "lost";
        said.setAttribute("role", "alert");
        const words = document.createElement("span");
        words.textContent =
          "The connection to lotviz is lost: what you see stays as it is, and nothing follows from a click. " +
          "If lotviz was stopped, start it again.";
        const again = document.createElement("button");
        again.textContent = "Load the page again";
        again.addEventListener("click", () => window.location.reload());
        said.append(words, again);
        el.append(said);
      }

      function found() {
        said?.remove();
        said = null;
      }

      shown.on_event("connection_lost", lost);
      shown.on_event("client_reconnected", found);
    }
    """
    _stylesheets = [STYLESHEET]  # noqa: RUF012 - Panel's own name and type
