import type { BackEnd, Source } from '@whittle/ir'

/** A table of Chromium's back ends by platform, with the source files that choose them. */
const MAPPING: Source = {
  how: 'https://webnn.io/en/api-reference/browser-compatibility/api (webnn-docs pull request 34), as of 2025',
  date: '2026-11-25',
}
const DEVICES: Source = { how: 'https://webnn.io/en/api-reference/browser-compatibility/deviceselection', date: '2026-11-25' }

type Kind = 'cpu' | 'gpu' | 'npu'

/**
 * What Chromium puts behind WebNN, as far as it is published. Of Qualcomm's NPUs nothing is: "other providers" of Windows ML may be theirs.
 * Which ops a back end computes an app can ask it only on the device (`MLContext.opSupportLimits()`).
 */
const BACK_ENDS: readonly (BackEnd & { readonly kinds: readonly Kind[] })[] = [
  {
    name: 'LiteRT',
    kinds: ['cpu', 'gpu', 'npu'],
    where: 'Chromium on ChromeOS, Linux, Android and Intel Macs; the CPU on Windows',
    note: 'The CPU computes by XNNPACK. The GPU is used where the build has a delegate for it, else the CPU; there is no delegate for NPUs, so that the CPU computes.',
    source: MAPPING,
  },
  {
    name: 'Core ML',
    kinds: ['cpu', 'gpu', 'npu'],
    where: 'Chromium on macOS 14.4 or later with Apple silicon',
    note: "Compute units: the CPU only; CPU and GPU; CPU and neural engine. Which of them computes a layer is Core ML's choice.",
    source: MAPPING,
  },
  {
    name: 'Windows ML',
    kinds: ['gpu', 'npu'],
    where: 'Chromium on Windows 11 24H2 or later, where the feature is on',
    note: "The system's ONNX Runtime with a provider for the GPU or the NPU and the CPU to fall back to: OpenVINO on Intel devices, and others. It took the place of DirectML, which was deprecated in May 2025.",
    source: MAPPING,
  },
  {
    name: 'OpenVINO',
    kinds: ['gpu', 'npu'],
    where: 'Windows ML on Intel devices',
    note: 'A graph is split where a device does not compute an op; each part goes to the first device in order of preference that does, the CPU last.',
    source: DEVICES,
  },
]

/** The back ends of a kind of device. */
export function backEndsOf(kind: Kind): readonly BackEnd[] {
  return BACK_ENDS.filter(({ kinds }) => kinds.includes(kind)).map(({ kinds: _kinds, ...backEnd }) => backEnd)
}
