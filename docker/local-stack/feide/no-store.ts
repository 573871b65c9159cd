// RFC 6749 section 5.1 asks for both.
export const NO_STORE = { 'Cache-Control': 'no-store', Pragma: 'no-cache' }
