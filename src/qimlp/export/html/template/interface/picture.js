// A pad to draw on, and what the network sees of it.

const [channels, tall, wide, low, high, dark] = page.picture;
const grey = channels < 2, pad = $("pad"), seen = $("seen"), area = tall * wide;
const zoom = ceil(400 / max(tall, wide)), W = wide * zoom, H = tall * zoom;
[pad.width, pad.height, seen.width, seen.height] = [W, H, wide, tall];
const pen = pad.getContext("2d", {willReadFrequently: true});
// The last point with the middle before it; whether the pad is empty, or holds a picture.
let at, empty, loaded, said;

// Means of a grid of boxes (step x step, from x and y on); outside of the pad is 0.
function resample(pixels, x, y, step) {
  return filled(area, i => {
    const left = x + i % wide * step, top = y + floor(i / wide) * step;
    const right = min(left + step, W), bottom = min(top + step, H);
    let sum = 0;
    for (let r = max(0, floor(top)); r < bottom; r++)
      for (let c = max(0, floor(left)); c < right; c++)
        sum += pixels[r * W + c] * (min(r + 1, bottom) - max(r, top)) * (min(c + 1, right) - max(c, left));
    return sum / step / step;
  });
}

// As MNIST was made: cropped, scaled into 20 of 28 pixels, its centre of mass in the middle.
function centred(ink) {
  let [x0, x1, y0, y1, mass, mx, my] = [W, 0, H, 0, 0, 0, 0];
  ink.forEach((v, i) => {
    const x = i % W, y = floor(i / W);
    if (v < 20) return;
    [x0, x1, y0, y1] = [min(x0, x), max(x1, x + 1), min(y0, y), max(y1, y + 1)];
    mass += v;
    mx += v * (x + .5);
    my += v * (y + .5);
  });
  const box = Math.round(min(wide, tall) * 5 / 7), step = max(x1 - x0, y1 - y0, 1) / box;
  said = "Cropped, scaled into " + box + " × " + box + ", centred by mass";
  return resample(ink, mx / mass - wide / 2 * step, my / mass - tall / 2 * step, step);
}

// What the pad holds as values from 0 to 255, channel by channel.
function levels() {
  const {data} = pen.getImageData(0, 0, W, H);
  const plane = c => filled(W * H, i => grey ? .299 * data[4 * i] + .587 * data[4 * i + 1] + .114 * data[4 * i + 2] : data[4 * i + c]);
  const ground = v => dark ? v : 255 - v, centre = grey && !loaded && $("centre").checked;
  said = "Scaled to " + wide + " × " + tall;
  const found = centre ? [centred(plane().map(ground)).map(ground)] : [...Array(channels).keys()].map(c => resample(plane(c), 0, 0, zoom));
  return found.flatMap(values => [...values]).map(v => $("invert").checked ? 255 - v : v);
}

function update() {
  const found = empty ? Array(area * channels).fill(dark ? 0 : 255) : levels(), image = new ImageData(wide, tall);
  image.data.forEach((_, i, data) => data[i] = i % 4 > 2 ? 255 : found[(i >> 2) + (grey ? 0 : i % 4 * area)]);
  seen.getContext("2d").putImageData(image, 0, 0);
  $("hint").textContent = empty ? "Draw here" : "";
  $("done").textContent = empty ? "" : said;
  show(!empty && found.map(v => low + v / 255 * (high - low)));
}

function wipe() {
  pen.fillStyle = dark ? "#000" : "#fff";
  pen.fillRect(0, 0, W, H);
  empty = true;
  loaded = at = false;
  soon(update);
}

function stroke(x, y) {
  const [fromX, fromY, midX, midY] = at || [x, y, x, y];
  at = [x, y, (fromX + x) / 2, (fromY + y) / 2];
  pen.strokeStyle = grey ? dark ? "#fff" : "#000" : $("colour").value;
  pen.lineWidth = max(W, H) / 13;
  pen.lineCap = "round";
  pen.beginPath();
  pen.moveTo(midX, midY);
  pen.quadraticCurveTo(fromX, fromY, at[2], at[3]);
  pen.stroke();
  empty = false;
  soon(update);
}

function follow(event) {
  const box = pad.getBoundingClientRect();
  stroke((event.clientX - box.left) * W / box.width, (event.clientY - box.top) * H / box.height);
}

pad.onpointerdown = event => {
  if (event.button) return;
  pad.setPointerCapture(event.pointerId);
  at = 0;
  follow(event);
};
// A curve ends half way to its last point: this draws the rest.
pad.onpointerup = follow;
pad.onpointermove = event => {
  if (pad.hasPointerCapture(event.pointerId)) (event.getCoalescedEvents?.() || [event]).forEach(follow);
};
pad.onkeydown = event => {
  const way = ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"].indexOf(event.key);
  if (way < 0) return;
  event.preventDefault();
  const [x, y] = at || [W / 2, H / 3], newX = x + [-1, 0, 1, 0][way] * H / 28, newY = y + [0, -1, 0, 1][way] * H / 28;
  if (event.shiftKey) at = [newX, newY, newX, newY];
  else stroke(newX, newY);
};

// Fills the pad with a picture, cut to its shape.
function put(image, smooth) {
  const scale = max(W / image.width, H / image.height), w = image.width * scale, h = image.height * scale;
  wipe();
  pen.imageSmoothingEnabled = smooth;
  pen.drawImage(image, (W - w) / 2, (H - h) / 2, w, h);
  empty = false;
  loaded = true;
}

function load({files}) {
  if (files.length) createImageBitmap(files[0]).then(image => put(image, true), () => {
    $("done").textContent = "This browser cannot read that picture.";
  });
}

$("clear").onclick = wipe;
$("choose").onclick = () => $("file").click();
$("file").onchange = () => load($("file"));
$("centre").onchange = $("invert").onchange = () => soon(update);
document.ondragover = event => event.preventDefault();
document.ondrop = event => {
  event.preventDefault();
  load(event.dataTransfer);
};
document.onpaste = event => load(event.clipboardData);
$("colour").hidden = grey;
$("centring").hidden = !grey;
page.examples.forEach((source, i) => {
  const button = make("button", $("examples"));
  const image = make("img", button, {src: source, alt: "Example " + (i + 1)});
  button.onclick = () => put(image, false);
});
wipe();
