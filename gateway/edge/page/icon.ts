/** A gate, half open. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f5aa6"/><path d="M8 26V9l8-4 8 4v17" fill="none" stroke="#fff" stroke-width="2.5" stroke-linejoin="round"/><path d="M16 26V12l5 2v12" fill="#fff"/></svg>
`
