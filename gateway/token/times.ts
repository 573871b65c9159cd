/** How the key set is kept fresh; milliseconds. */
export interface KeyTimes {
  readonly refresh: number
  readonly staleFor: number
  readonly unknownKidCooldown: number
}
