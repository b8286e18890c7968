// Where the kernel runs: in a Worker, or on the main thread where a browser forbids Workers.

function mainThreadEngine(onFrame) {
  const kernel = createKernel();
  let request = 0;
  return {
    load: (buffer) => kernel.load(buffer),
    dress: (style) => kernel.dress(style),
    draw: (frame) => {
      request = requestAnimationFrame(() => onFrame({ ...frame, ...kernel.draw(frame) }));
    },
    close: () => cancelAnimationFrame(request),
  };
}

function workerEngine(onFrame, onFailure) {
  const source = `${createKernel}
    const kernel = createKernel();
    onmessage = ({data: {task, load}}) => {
      if (task !== "draw") return kernel[task](load);
      const drawn = kernel.draw(load);
      postMessage({...load, ...drawn}, [drawn.buffer]);
    };`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.onmessage = ({ data }) => onFrame(data);
  worker.onerror = (event) => {
    event.preventDefault();
    onFailure();
  };
  const post = (task) => (load) => worker.postMessage({ task, load });
  return {
    load: post("load"),
    dress: post("dress"),
    draw: (frame) => worker.postMessage({ task: "draw", load: frame }, frame.buffer ? [frame.buffer] : []),
    close: () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}

// A Worker if the browser has one; `again` is called when it fails, with the engine that takes over.
function startEngine(useWorker, onFrame, again) {
  if (!useWorker || typeof Worker === "undefined") return mainThreadEngine(onFrame);
  try {
    return workerEngine(onFrame, () => again(mainThreadEngine(onFrame)));
  } catch {
    return mainThreadEngine(onFrame); // a browser may refuse a Worker at once, by SecurityError
  }
}

function readHeader(buffer) {
  if (!buffer || buffer.byteLength < 20) return { n: 0, k: 0, aspect: 1 };
  const [, n, , k] = new Uint32Array(buffer, 0, 4);
  return { n, k, aspect: new Float32Array(buffer, 16, 1)[0] };
}

const MOST_BINS = 1200000; // more pixels than cells show no more, and clearing them costs time

// Few cells get larger dots, as one pixel of a fine screen would vanish. Whole device pixels, so that edges stay sharp.
function gridFor(box, header) {
  const ratio = window.devicePixelRatio || 1;
  const available = [box.clientWidth * ratio, box.clientHeight * ratio];
  const width = Math.min(available[0], available[1] * header.aspect);
  const height = width / header.aspect;
  if (!(width >= 1 && height >= 1)) return null;
  const dot = header.n < 5000 ? 3 : header.n < 50000 ? 2 : 1;
  let bin = Math.max(1, Math.floor(ratio * dot));
  while ((width / bin) * (height / bin) > MOST_BINS) bin++;
  const grid = { width: Math.max(1, Math.floor(width / bin)), height: Math.max(1, Math.floor(height / bin)) };
  return { ...grid, cssWidth: (grid.width * bin) / ratio, cssHeight: (grid.height * bin) / ratio };
}
