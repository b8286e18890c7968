"""A sample sheet to type in: every cell an input, checked while the hand is still on the keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import panel as pn
import param

from lotviz.app.look import STYLESHEET
from lotviz.data.tables.sheet import ROW

MOST_ROWS = 500  # a longer sheet is better mended where it was made
MOST_COLUMNS = 60
LONGEST = 1000  # letters of a cell


class SheetEditor(pn.custom.JSComponent):
    """The table; what is typed comes back a moment after the last key."""

    columns = param.List([], doc="Heads of the columns.")
    rows = param.List([], doc="Rows of text.")
    faults = param.Dict({}, doc="What is wrong, by number of the row as a spreadsheet counts them.")
    numbers = param.List([], doc="The number a spreadsheet shows for each row.")

    _esm = """
    const PAUSE = 300; // ms after the last key

    export function render({ model, el }) {
      let waiting = null;
      const frame = document.createElement("div");
      frame.className = "sheet";
      el.append(frame);

      const grid = () => [...frame.querySelectorAll("tbody tr")].map(
        (row) => [...row.querySelectorAll("input")].map((input) => input.value));
      const numbers = () => [...frame.querySelectorAll("tbody tr th")].map((head) => Number(head.textContent));
      const more = (given, count) => { // rows that are new follow the last one
        while (given.length < count) given.push(given.length ? given[given.length - 1] + 1 : 2);
        return given;
      };
      const heads = () => [...frame.querySelectorAll("thead input")].map((input) => input.value);
      const flush = () => { // what was typed goes out before the tap that left the cell
        if (waiting === null) return;
        clearTimeout(waiting);
        waiting = null;
        model.send_msg({ columns: heads(), rows: grid(), numbers: numbers() });
      };
      const tell = () => {
        clearTimeout(waiting);
        waiting = setTimeout(flush, PAUSE);
      };
      const again = (columns, rows) => {
        clearTimeout(waiting);
        waiting = null;
        model.send_msg({ columns, rows, numbers: more(numbers(), rows.length), again: true });
      };

      const cell = (kind, value, label) => {
        const place = document.createElement(kind);
        const input = document.createElement("input");
        input.value = value;
        input.setAttribute("aria-label", label);
        input.spellcheck = false;
        input.addEventListener("input", tell);
        input.addEventListener("change", flush);
        input.addEventListener("blur", flush);
        input.addEventListener("keydown", move);
        input.addEventListener("paste", paste);
        place.append(input);
        return place;
      };

      const at = (row, column) => frame.querySelectorAll("tbody tr")[row]?.querySelectorAll("input")[column];
      const where = (input) => {
        const rows = [...frame.querySelectorAll("tbody tr")];
        const row = rows.findIndex((one) => one.contains(input));
        return [row, row < 0 ? -1 : [...rows[row].querySelectorAll("input")].indexOf(input)];
      };
      const move = (event) => {
        const step = { ArrowDown: 1, Enter: 1, ArrowUp: -1 }[event.key];
        if (!step) return;
        const [row, column] = where(event.target);
        const next = at(row + step, column);
        if (next) { event.preventDefault(); next.focus(); next.select(); }
      };
      const paste = (event) => { // a block from a spreadsheet fills the cells from here on
        const text = event.clipboardData.getData("text").replace(/\\r\\n?/g, "\\n").replace(/\\n$/, "");
        const [row, column] = where(event.target);
        if (row < 0 || !/[\\t\\n]/.test(text)) return;
        event.preventDefault();
        const block = text.split("\\n").map((line) => line.split("\\t"));
        const names = heads();
        const width = Math.max(names.length, column + Math.max(...block.map((line) => line.length)));
        while (names.length < width) names.push(`column ${names.length + 1}`);
        const rows = grid();
        while (rows.length < row + block.length) rows.push([]);
        rows.forEach((line) => { while (line.length < width) line.push(""); });
        block.forEach((line, i) => line.forEach((value, j) => { rows[row + i][column + j] = value; }));
        again(names, rows);
      };

      const line = (values, number) => {
        const row = document.createElement("tr");
        const head = document.createElement("th");
        head.textContent = number;
        row.append(head);
        values.forEach((value, i) => row.append(cell("td", value, `Row ${number}, ${model.columns[i]}`)));
        const last = document.createElement("td");
        const remove = document.createElement("button");
        remove.type = "button";
        remove.textContent = "Remove";
        remove.setAttribute("aria-label", `Remove row ${number}`);
        remove.addEventListener("click", () => { row.remove(); again(heads(), grid()); });
        const said = document.createElement("span");
        said.className = "fault";
        last.append(remove, said);
        row.append(last);
        return row;
      };

      const mark = () => {
        frame.querySelectorAll("tbody tr").forEach((row) => {
          const said = model.faults[row.querySelector("th").textContent] ?? "";
          row.classList.toggle("wrong", said !== "");
          row.querySelector(".fault").textContent = said;
          row.querySelectorAll("input").forEach((input) => input.setAttribute("aria-invalid", said !== ""));
        });
      };

      const draw = () => {
        const table = document.createElement("table");
        const head = document.createElement("tr");
        head.append(document.createElement("th"));
        model.columns.forEach((name, i) => head.append(cell("th", name, `Name of column ${i + 1}`)));
        head.append(document.createElement("th"));
        table.createTHead().append(head);
        const body = table.createTBody();
        const shown = more([...model.numbers], model.rows.length);
        model.rows.forEach((values, i) => body.append(line(values, shown[i])));
        const button = (text, tap) => {
          const made = document.createElement("button");
          made.type = "button";
          made.textContent = text;
          made.addEventListener("click", tap);
          return made;
        };
        const unused = (name) => {
          const taken = heads();
          let number = 2;
          if (!taken.includes(name)) return name;
          while (taken.includes(`${name} ${number}`)) number += 1;
          return `${name} ${number}`;
        };
        const feet = document.createElement("p");
        feet.append(
          button("Add a row", () => again(heads(), [...grid(), heads().map(() => "")])),
          button("Add a column", () => again([...heads(), unused("label")], grid().map((row) => [...row, ""]))),
        );
        frame.replaceChildren(table, feet);
        mark();
      };
      draw();
      model.on("rows", draw);
      model.on("faults", mark);
    }
    """
    _stylesheets = [STYLESHEET]  # noqa: RUF012 - Panel's own name and type

    def __init__(self, changed: Callable[[pd.DataFrame, bool], None], **params: Any) -> None:
        super().__init__(**params)
        self._changed = changed

    def _handle_msg(self, message: Any) -> None:
        table = _table(message)
        if table is not None:
            self._changed(table, bool(message.get("again")))


def _table(message: Any) -> pd.DataFrame | None:
    """Return what was typed, if it is a table of text of a size that a hand can have made."""
    if not isinstance(message, dict):
        return None
    columns, rows = message.get("columns"), message.get("rows")
    if not (isinstance(columns, list) and isinstance(rows, list) and len(columns) <= MOST_COLUMNS):
        return None
    if len(rows) > 2 * MOST_ROWS or any(not isinstance(row, list) or len(row) != len(columns) for row in rows):
        return None
    text = [[str(value)[:LONGEST] for value in row] for row in rows]
    names = [str(name)[:LONGEST] for name in columns]
    return pd.DataFrame(text, columns=names, index=_numbered(message.get("numbers"), len(rows)), dtype=object)


def _numbered(numbers: Any, count: int) -> pd.Index | None:
    """Return the numbers of the rows, or None where the browser sent no such list: they are counted then."""
    if not isinstance(numbers, list) or len(numbers) != count:
        return None
    if any(type(number) is not int or not 0 < number < 2**31 for number in numbers):
        return None
    return pd.Index(numbers, name=ROW, dtype=int) if numbers == sorted(set(numbers)) else None
