// A field for each column, and the answer to what they hold.

const fields = page.fields, form = $("form");
const raw = Array(page.table ? fields.length : page.scaling[2]).fill(0);

// Writes a field's value where the network reads it; says whether it can be used.
function write({at, optional}, value) {
  if (value === null && !optional) return false;
  if (Array.isArray(at)) for (const i of at) raw[i] = +(i === value);
  else raw[at] = value === null ? NaN : value;
  return true;
}

// What a field holds in a row of raw values.
const valueIn = ({at}, row) => Array.isArray(at) ? at.find(i => row[i] === 1) ?? null : row[at];

const inputs = fields.map((field, i) => {
  const box = make("div", form, {className: field.options ? "field wide" : "field"});
  make("label", box, {textContent: field.name, htmlFor: "field" + i});
  const tell = () => soon(() => show(raw));
  if (field.options) {
    const chosen = make("select", box, {id: "field" + i});
    if (field.optional) make("option", chosen, {value: "", textContent: "other or unknown"});
    field.options.forEach((name, o) => make("option", chosen, {value: field.values[o], textContent: name}));
    chosen.onchange = () => {
      write(field, chosen.value === "" ? null : +chosen.value);
      tell();
    };
    return value => {
      chosen.value = field.values.includes(value) ? value : "";
      write(field, chosen.value === "" ? null : value);
    };
  }
  const typed = make("input", box, {id: "field" + i, type: "number", step: "any", placeholder: field.optional ? "unknown" : ""});
  const slider = make("input", box, {type: "range", min: field.min, max: field.max, step: field.step});
  slider.setAttribute("aria-label", field.name);
  const put = value => {
    const fits = write(field, value);
    typed.setAttribute("aria-invalid", !fits);
    box.classList.toggle("missing", value === null);
    if (value !== null) slider.value = value;
  };
  typed.oninput = () => {
    put(typed.value === "" || !isFinite(typed.value) ? null : +typed.value);
    tell();
  };
  slider.oninput = () => {
    typed.value = slider.value;
    put(+slider.value);
    tell();
  };
  return value => {
    typed.value = value ?? "";
    put(value);
  };
});

function enter(values) {
  inputs.forEach((input, i) => input(values[i]));
  soon(() => show(raw));
}

const start = fields.map(field => field.value);
make("button", $("examples"), {textContent: "Typical", onclick: () => enter(start)});
page.examples.forEach((row, i) => make("button", $("examples"), {
  textContent: "Row " + (i + 1),
  onclick: () => enter(fields.map(field => valueIn(field, row)))
}));
form.onsubmit = event => event.preventDefault();
enter(start);
