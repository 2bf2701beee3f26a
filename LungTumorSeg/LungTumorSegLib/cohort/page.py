"""The page of a cohort's overview: HTML, style and script in one file, as a Jinja2 template.

It asks no host for anything: its content security policy allows pictures beside it alone.
"""

TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>{{ rows|length }} cases</title>
<style>
:root { color-scheme: light dark; --line: #8884; --faint: light-dark(#666, #aaa);
 --accent: light-dark(#00695c, #4db6ac); }
body { font: 15px/1.4 system-ui, sans-serif; margin: 0 1.5rem 3rem; }
h1 { font-size: 1.3rem; margin: 1rem 0 0; }
p { color: var(--faint); margin: 0.2rem 0; }
a { color: var(--accent); }
form { position: sticky; top: 0; z-index: 1; background: Canvas; padding: 0.6rem 0; display: flex; gap: 1rem;
 flex-wrap: wrap; align-items: center; border-bottom: 1px solid var(--line); }
form input[type=number] { width: 4.5rem; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; padding: 0; }
th button { all: unset; cursor: pointer; padding: 0.4rem 0.6rem; font-weight: 600; }
th button:focus-visible { outline: 2px solid var(--accent); }
th[aria-sort=ascending] button::after { content: " \\25b2"; }
th[aria-sort=descending] button::after { content: " \\25bc"; }
td { padding: 0.4rem 0.6rem; border-top: 1px solid var(--line); vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.remark { max-width: 24rem; color: var(--faint); font-size: 0.85rem; }
td.remark strong { color: light-dark(#b00020, #ff8a80); font-weight: 500; }
img { display: block; width: 522px; height: 128px; background: #000; border-radius: 4px; }
tr[data-status=refused] .status, tr[data-status=failed] .status { color: light-dark(#b00020, #ff8a80); }
[hidden] { display: none; }
</style>
</head>
<body>
<h1>{{ rows|length }} cases, {{ lesions }} lesion{{ "" if lesions == 1 else "s" }}</h1>
<p>{% for status, count in counts.items() %}{{ count }} {{ status }}{{ ", " if not loop.last }}{% endfor %}.
{{ program }}; model {{ model.name }} {{ model.version }}.</p>
<p>Each picture: the first lesion's slice, and the first three lesions near. The patient's right is on the left.</p>
<form>
<label>Case <input type="search" id="words" placeholder="name or remark"></label>
<label>Status <select id="status"><option value="">all</option>
{% for status in counts %}<option>{{ status }}</option>{% endfor %}</select></label>
<label>Largest from <input type="number" id="least" min="0" step="1"> mm</label>
<label>Lesions from <input type="number" id="count" min="0" step="1"></label>
<output id="shown" aria-live="polite">{{ rows|length }} shown</output>
</form>
<table>
<thead><tr><th scope="col"></th>
{% for key, heading in columns.items() %}
<th scope="col" data-key="{{ key }}"><button type="button">{{ heading }}</button></th>
{% endfor %}
<th scope="col"></th></tr></thead>
<tbody>
{% for row in rows %}
<tr{% for key in columns %} data-{{ key }}="{{ row[key] if row[key] is not none }}"{% endfor %}>
<td>{% if row.thumbnail %}<a href="{{ row.link }}">\
<img loading="lazy" src="{{ row.thumbnail }}" alt="Lesions of {{ row.case }}"></a>{% endif %}</td>
<td>{% if row.folder %}<a href="{{ row.folder }}">{{ row.case }}</a>{% else %}{{ row.case }}{% endif %}</td>
<td class="status">{{ row.status }}</td>
{% for key, digits in numbers.items() %}
<td class="number">{% if row[key] is not none %}{{ "%.*f"|format(digits, row[key]) }}{% endif %}</td>
{% endfor %}
<td class="remark">{% if row.reason %}<strong>{{ row.reason }}</strong> {% endif %}{{ row.notes }}
{% for link in row.pictures %}<a href="{{ link }}">{{ loop.index }}</a> {% endfor %}
{% for name, link in row.files.items() %}<a href="{{ link }}">{{ name }}</a> {% endfor %}</td>
</tr>
{% endfor %}
</tbody>
</table>
<script>
"use strict";
const body = document.querySelector("tbody"), rows = [...body.rows], field = id => document.getElementById(id);
function filter() {
  const words = field("words").value.toLowerCase(), status = field("status").value;
  let shown = 0;
  for (const row of rows) {
    const fits = row.textContent.toLowerCase().includes(words) && (!status || row.dataset.status === status)
      && Number(row.dataset.largest_mm) >= Number(field("least").value)
      && Number(row.dataset.lesions) >= Number(field("count").value);
    row.hidden = !fits;
    shown += fits;
  }
  field("shown").textContent = `${shown} shown`;
}
function sort(heading) {
  const key = heading.dataset.key, text = key === "case" || key === "status";
  const down = heading.ariaSort ? heading.ariaSort === "ascending" : !text;
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.ariaSort = down ? "descending" : "ascending";
  const value = row => text ? row.dataset[key] : row.dataset[key] === "" ? null : Number(row.dataset[key]);
  const order = (a, b) => text ? a.localeCompare(b, undefined, {numeric: true}) : a - b;
  rows.sort((one, other) => {
    const a = value(one), b = value(other);
    if (a === null || b === null) return (a === null) - (b === null);  // empty ones last, whichever way
    return down ? order(b, a) : order(a, b);
  });
  body.append(...rows);
}
document.querySelector("form").addEventListener("input", filter);
document.querySelector("form").addEventListener("submit", event => event.preventDefault());
for (const heading of document.querySelectorAll("th[data-key]"))
  heading.firstElementChild.addEventListener("click", () => sort(heading));
filter();
</script>
</body>
</html>
"""
