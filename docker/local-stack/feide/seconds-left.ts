/** Feide counts down from when a token was made, hence 28799 and 299 and not the round numbers. */
export const secondsLeft = (expiresAt: number, now: number): number => Math.floor(expiresAt - now)
