/** Credentials of a bucket may be in an argument, which every user can read in the list of processes. */
const secret = /((?:access|secret)[-_.]?key\s*=)[^&\s]+/gi

/** A file or the environment is safer: until this runs, the arguments are visible in full. */
export function hideArguments() {
  const shown = process.argv.map((each) => each.replace(secret, '$1***')).join(' ')
  if (shown !== process.argv.join(' ')) process.title = shown
}
