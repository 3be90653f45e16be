const TABLE = /* @__PURE__ */ Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1
  return byte
})

/** CRC-32 (ISO 3309) of bytes, going on from `crc`, which begins as 0. */
export function crc32(bytes: Uint8Array, crc = 0): number {
  crc = ~crc
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[i]!) & 255]!
  return ~crc
}
