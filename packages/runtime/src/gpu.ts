export { GpuData, gpuTensor, readTensor, releaseTensor, type AnyTensor, type GpuBuffer, type GpuTensor } from './gpu/gpu-data.ts'
export { loadGpu, type GpuDevice, type GpuRunOptions, type GpuSession, type OnGpu } from './gpu/load.ts'
