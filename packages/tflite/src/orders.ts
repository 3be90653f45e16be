/** `[N, H, W, C]` to `[N, C, H, W]`, and back. */
export const TO_FIRST: readonly number[] = [0, 3, 1, 2]
export const TO_LAST: readonly number[] = [0, 2, 3, 1]
