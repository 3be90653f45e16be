export { workerModel, type WorkerModel } from './worker/connect.ts'
export { serveModel } from './worker/serve.ts'
