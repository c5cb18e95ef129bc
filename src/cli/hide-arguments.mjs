/** What opens a bucket may stand in an argument; then it would stand in the list of processes, too, for everybody to read. */
const secret = /((?:access|secret)[-_.]?key\s*=)[^&\s]+/gi

/** Best is a file or the environment: until this runs, the arguments are seen as they were given. */
export function hideArguments() {
  const shown = process.argv.map((each) => each.replace(secret, '$1***')).join(' ')
  if (shown !== process.argv.join(' ')) process.title = shown
}
