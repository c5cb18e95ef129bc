/** A word or phrase that is not used in texts, and its replacement. */
export interface BannedWord {
  readonly pattern: RegExp
  readonly instead: string
}

const banned = (words: string, instead: string): BannedWord => ({ pattern: new RegExp(`\\b(?:${words})\\b`, 'gi'), instead })

/** Colloquial words. A text names the component and the action, in the standard terms of the field. */
export const bannedWords: readonly BannedWord[] = [
  banned('who|whom|whoever|whomever', 'name the component: client, producer, consumer, reader, caller, broker, member'),
  banned('nobody|no one|somebody|someone|anybody|anyone|everybody|everyone', 'name the component: no client, a reader, each caller'),
  banned('whatever', 'name the thing, or write "regardless of"'),
  banned('tell|tells|telling|told', 'return, send, report, notify'),
  banned('hear|hears|hearing|heard', 'receive, is notified'),
  banned('say|says|saying|said', 'state, contain, return, set'),
  banned('ask|asks|asking|asked', 'request, call, query'),
  banned('believe|believes|believed', 'assume'),
  banned('know|knows|knowing|knew', 'store, record, detect'),
  banned('want|wants|wanted|wish|wishes', 'require, request'),
  banned('learn|learns|learnt|learned', 'receive, read'),
  banned('look|polls|looked|looking', 'inspect, read, check, search'),
  banned('promise|promises|promised', 'acknowledgement, guarantee'),
  banned('(?:hold|holds|held) to', 'enforce, limit'),
  banned('(?:let|lets) go', 'release, close'),
  banned('(?:give|gives|gave|given|giving) (?:back|out|up)', 'return, release, allocate, abandon'),
  banned('(?:get|gets|got|getting) rid of', 'remove, delete'),
  banned('(?:go|goes|went|gone|going) on', 'continue'),
  banned('(?:come|comes|came|coming) (?:back|round|again)', 'return, repeat'),
  banned('(?:stand|stands|stood|lies|lay) (?:in|at|on|behind|beside|for|here|there)', 'is in, is at'),
  banned('nought|noughts', 'zero, 0'),
  banned('the world', 'input and output, the environment'),
  banned('patient|patience', 'timeout, retry limit'),
  banned('stranger|strangers|of others', 'third-party, foreign'),
]

/** One message for each banned word in a text, each with the replacement. */
export const bannedIn = (text: string): string[] =>
  bannedWords.flatMap(({ pattern, instead }) => [...text.matchAll(pattern)].map(([word]) => `"${word}": write ${instead}`))

/** The aim is about 25 words; a test enforces this limit. */
export const sentenceWordsMax = 29

/** Sentences of a prose text that are too long. */
export const longSentencesIn = (text: string): string[] =>
  text
    .split(/(?<=[.!?:;])\s+|\n{2,}/)
    .filter((sentence) => sentence.split(/\s+/).filter((word) => /\w/.test(word)).length > sentenceWordsMax)
