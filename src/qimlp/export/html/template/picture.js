// A pad to draw on, and what the network sees of it.

const {channels, height, width, low, high} = page.picture;
const grey = channels === 1;
const pad = $("pad"), seen = $("seen");
const zoom = Math.max(1, Math.round(560 / Math.max(height, width)));
[pad.width, pad.height, seen.width, seen.height] = [width * zoom, height * zoom, width, height];
const pen = pad.getContext("2d", {willReadFrequently: true}), view = seen.getContext("2d");
// Where the pen is, whether the pad is empty, and whether what it holds was only drawn.
let at = null, empty = true, drawn = true, said = "";

// Means of a grid of boxes (step x step, from x and y on); outside of the picture is 0.
function resample(pixels, w, h, x, y, stepX, stepY, outW, outH) {
  return Float64Array.from({length: outW * outH}, (_, i) => {
    const left = x + i % outW * stepX, top = y + Math.floor(i / outW) * stepY;
    const right = Math.min(left + stepX, w), bottom = Math.min(top + stepY, h);
    let sum = 0;
    for (let r = Math.max(0, Math.floor(top)); r < bottom; r++) {
      const tall = Math.min(r + 1, bottom) - Math.max(r, top);
      for (let c = Math.max(0, Math.floor(left)); c < right; c++)
        sum += pixels[r * w + c] * tall * (Math.min(c + 1, right) - Math.max(c, left));
    }
    return sum / stepX / stepY;
  });
}

// As MNIST was made: cropped, scaled into 20 of 28 pixels, its centre of mass in the middle.
function centred(ink, w, h, outW, outH) {
  let [x0, x1, y0, y1, mass, mx, my] = [w, 0, h, 0, 0, 0, 0];
  ink.forEach((v, i) => {
    if (v < 20) return;
    const x = i % w, y = Math.floor(i / w);
    [x0, x1, y0, y1] = [Math.min(x0, x), Math.max(x1, x + 1), Math.min(y0, y), Math.max(y1, y + 1)];
    mass += v;
    mx += v * (x + .5);
    my += v * (y + .5);
  });
  if (!mass) return new Float64Array(outW * outH);
  const box = Math.round(Math.min(outW, outH) * 5 / 7), step = Math.max(x1 - x0, y1 - y0) / box;
  said = "Cropped, scaled into " + box + " × " + box + " and centred by mass.";
  return resample(ink, w, h, mx / mass - outW / 2 * step, my / mass - outH / 2 * step, step, step, outW, outH);
}

function plane(image, place) {
  const {data} = image;
  return Float64Array.from({length: data.length / 4}, (_, i) => place < 3 && !grey ? data[4 * i + place]
    : .299 * data[4 * i] + .587 * data[4 * i + 1] + .114 * data[4 * i + 2]);
}

// The pad as values from 0 to 255, channel by channel.
function levels() {
  const image = pen.getImageData(0, 0, pad.width, pad.height);
  const turn = v => $("invert").checked ? 255 - v : v;
  said = "Scaled to " + width + " × " + height + (grey ? " in grey." : ".");
  if (grey && drawn && $("centre").checked) {
    const ground = v => page.picture.dark ? v : 255 - v;
    return centred(plane(image, 0).map(ground), pad.width, pad.height, width, height).map(v => turn(ground(v)));
  }
  return [...Array(channels).keys()].flatMap(c => [...resample(plane(image, c), pad.width, pad.height, 0, 0, zoom, zoom, width, height)].map(turn));
}

function update() {
  const found = levels(), area = width * height;
  const image = new ImageData(width, height);
  for (let i = 0; i < area; i++) for (let c = 0; c < 4; c++)
    image.data[4 * i + c] = c > 2 ? 255 : found[(grey ? 0 : c * area) + i];
  view.putImageData(image, 0, 0);
  $("hint").hidden = !empty;
  $("done").textContent = empty ? "Nothing yet." : said;
  show(empty ? null : Array.from(found, v => low + v / 255 * (high - low)));
}

function wipe() {
  pen.fillStyle = page.picture.dark ? "#000" : "#fff";
  pen.fillRect(0, 0, pad.width, pad.height);
  [empty, drawn, at] = [true, true, null];
  soon(update);
}

function stroke(x, y) {
  pen.strokeStyle = grey ? page.picture.dark ? "#fff" : "#000" : $("colour").value;
  pen.lineWidth = Math.max(pad.width, pad.height) / 13;
  pen.lineCap = pen.lineJoin = "round";
  const from = at || {x, y, midX: x, midY: y}, midX = (from.x + x) / 2, midY = (from.y + y) / 2;
  pen.beginPath();
  pen.moveTo(from.midX, from.midY);
  pen.quadraticCurveTo(from.x, from.y, midX, midY);
  pen.stroke();
  at = {x, y, midX, midY};
  empty = false;
  soon(update);
}

function place(event) {
  const box = pad.getBoundingClientRect();
  return [(event.clientX - box.left) * pad.width / box.width, (event.clientY - box.top) * pad.height / box.height];
}

pad.onpointerdown = event => {
  if (event.button) return;
  pad.setPointerCapture(event.pointerId);
  at = null;
  stroke(...place(event));
};
// A curve ends half way to the last point: this draws the rest.
pad.onpointerup = event => stroke(...place(event));
pad.onpointermove = event => {
  if (!pad.hasPointerCapture(event.pointerId)) return;
  const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  for (const one of all.length ? all : [event]) stroke(...place(one));
};

const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
pad.onkeydown = event => {
  const way = ARROWS[event.key], step = Math.max(pad.width, pad.height) / 28;
  if (!way) return;
  event.preventDefault();
  const from = at || {x: pad.width / 2, y: pad.height / 3};
  const [x, y] = [from.x + way[0] * step, from.y + way[1] * step];
  if (event.shiftKey) at = {x, y, midX: x, midY: y};
  else stroke(x, y);
};

// Fills the pad with a picture, cut to its shape.
function put(image, smooth) {
  const scale = Math.max(pad.width / image.width, pad.height / image.height);
  const [w, h] = [image.width * scale, image.height * scale];
  wipe();
  pen.imageSmoothingEnabled = smooth;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, (pad.width - w) / 2, (pad.height - h) / 2, w, h);
  empty = drawn = false;
}

async function open(file) {
  try {
    put(await createImageBitmap(file), true);
  } catch {
    $("done").textContent = "That is no picture that this browser can read.";
  }
}

$("clear").onclick = wipe;
$("choose").onclick = () => $("file").click();
$("file").onchange = event => {
  if (event.target.files.length) open(event.target.files[0]);
  event.target.value = "";
};
$("centre").onchange = $("invert").onchange = () => soon(update);
document.ondragover = event => event.preventDefault();
document.ondrop = event => {
  event.preventDefault();
  if (event.dataTransfer.files.length) open(event.dataTransfer.files[0]);
};
document.onpaste = event => {
  if (event.clipboardData.files.length) open(event.clipboardData.files[0]);
};
$("colour").hidden = grey;
$("centring").hidden = !grey;
page.examples.forEach((source, i) => {
  const image = make("img", make("button", $("examples"), {onclick: () => put(image, false)}), {src: source, alt: "Example " + (i + 1)});
});
wipe();
