/* The search runs in a worker, and browsers start none on pages that were opened as files. There a
   hidden frame does the same work: what a worker is sent and answers goes in and out of it. */
class IFrameWorker extends EventTarget {
  constructor(url) {
    super();
    const frame = document.createElement("iframe");
    frame.hidden = true;
    document.body.append(frame);
    this.inside = frame.contentWindow;
    this.inside.postMessage = (data) => {
      this.dispatchEvent(new MessageEvent("message", { data }));
    };
    this.inside.importScripts = (...urls) => Promise.all(urls.map((each) => this.load(each)));
    this.loaded = this.load(url);
  }

  load(url) {
    return new Promise((done, failed) => {
      const script = this.inside.document.createElement("script");
      script.onload = done;
      script.onerror = failed;
      script.src = new URL(url, document.baseURI);
      this.inside.document.body.append(script);
    });
  }

  postMessage(data) {
    this.loaded.then(() => {
      this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data }));
    });
  }

  terminate() {
    this.inside.frameElement.remove();
  }
}

if (location.protocol === "file:") {
  window.IFrameWorker = IFrameWorker;
  window.Worker = IFrameWorker;
}
