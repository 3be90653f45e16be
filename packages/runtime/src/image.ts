export { imageTensor, type ImageTensor } from './image/image-tensor.ts'
export type { ChannelOrder, Fit, ImageOptions, Layout, PixelOptions, Rgb } from './image/options.ts'
export type { ImageSource } from './image/pixels.ts'
export { toImageData, type ImageDataOptions } from './image/to-image-data.ts'
