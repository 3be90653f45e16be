// Reads a model and writes it again, once, and prints the milliseconds and the peak of memory; without a file, the peak of an idle Node.
// A process of its own: only so is the peak known.
const [file, target] = process.argv.slice(2)
const times = {}
if (file) {
  const { readOnnxFile, writeOnnxFile } = await import('@whittle/ir/onnx')
  const began = performance.now()
  const { model } = readOnnxFile(file)
  const read = performance.now()
  writeOnnxFile(target, model)
  Object.assign(times, { read: read - began, write: performance.now() - read })
}
console.log(JSON.stringify({ ...times, peak: process.resourceUsage().maxRSS * 1024 }))
