"""Two small things that only the browser can do: open a list with any of the usual keys, and fill the clipboard."""

from __future__ import annotations

import panel as pn
import param

from lotviz.app.look import STYLESHEET


class Keys(pn.custom.JSComponent):
    """Opens a list with Enter, Space and the arrow keys: panel-material-ui's Select 0.16 opens by a click only.

    Nothing to see; one on a page serves all its lists.
    """

    _esm = """
    const OPENING = ["Enter", " ", "ArrowDown", "ArrowUp"];

    export function render({ model }) {
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
      document.addEventListener("keydown", down, true);
      document.addEventListener("keyup", up, true);
      model.on("remove", () => {
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
