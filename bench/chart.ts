import { middle, type Result } from './figures.ts'
import type { Sample } from './sample.ts'

interface Panel {
  readonly title: string
  readonly figure: keyof Sample
  /** Start of a logarithmic axis; null for a linear axis from 0. */
  readonly logarithmicFrom: number | null
}

const panels: readonly Panel[] = [
  { title: 'Throughput, MiB/s (longer is better)', figure: 'mibPerSecond', logarithmicFrom: null },
  { title: 'Latency of an acknowledgement, P99 in ms, logarithmic (shorter is better)', figure: 'p99Ms', logarithmicFrom: 0.1 },
  { title: 'Broker CPU seconds per GiB (shorter is better)', figure: 'brokerCpuSecondsPerGib', logarithmicFrom: null },
]
const colours: Readonly<Record<string, string>> = { millrace: '#0b7a75', kafka: '#7a7f87', 'kafka-flushed': '#c0b283' }
const bar = { height: 14, gap: 3, left: 130, width: 640, label: 150 }

interface Bar {
  readonly scenario: string
  readonly peer: string
  readonly value: number
  readonly least: number
  readonly most: number
}

/** Horizontal bars: the median, with a line from the minimum to the maximum of the rounds. */
export function chart(results: readonly Result[], title: string): string {
  let y = 40
  const parts: string[] = []
  for (const panel of panels) {
    const bars = barsOf(results, panel.figure)
    if (bars.length === 0) continue
    parts.push(`<text x="16" y="${y}" font-weight="bold">${xmlText(panel.title)}</text>`)
    y += 12
    const most = Math.max(...bars.map((each) => each.most))
    bars.forEach((each, index) => {
      if (index > 0 && bars[index - 1]!.scenario !== each.scenario) y += 8
      const isFirst = index === 0 || bars[index - 1]!.scenario !== each.scenario
      parts.push(drawn(each, y, (value) => place(panel, value, most), isFirst))
      y += bar.height + bar.gap
    })
    y += 32
  }
  const width = bar.left + bar.width + bar.label
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" font-family="sans-serif" font-size="12">`
  return `${head}\n<rect width="100%" height="100%" fill="white"/>\n<text x="16" y="18" font-size="14">${xmlText(title)}</text>\n${parts.join('\n')}\n</svg>\n`
}

function barsOf(results: readonly Result[], figure: keyof Sample): Bar[] {
  return results.flatMap(({ scenario, outcomes }) =>
    outcomes.flatMap((outcome) => {
      const value = middle(outcome, figure)
      const all = outcome.samples.map((sample) => sample[figure]).filter((each) => each !== undefined)
      return value === null ? [] : [{ scenario: scenario.name, peer: outcome.peer, value, least: Math.min(...all), most: Math.max(...all) }]
    }),
  )
}

function place(panel: Panel, value: number, most: number): number {
  const from = panel.logarithmicFrom
  return from === null ? value / most : Math.max(0, Math.log(value / from)) / Math.log(most / from)
}

function drawn(each: Bar, y: number, share: (value: number) => number, isFirst: boolean): string {
  const x = (value: number): string => (bar.left + share(value) * bar.width).toFixed(1)
  const middleY = y + bar.height / 2
  const fill = colours[each.peer] ?? '#444'
  const name = isFirst ? `<text x="${bar.left - 8}" y="${y + 11}" text-anchor="end">${xmlText(each.scenario)}</text>` : ''
  const length = (Number(x(each.value)) - bar.left).toFixed(1)
  return [
    name,
    `<rect x="${bar.left}" y="${y}" width="${length}" height="${bar.height}" fill="${fill}"/>`,
    `<line x1="${x(each.least)}" x2="${x(each.most)}" y1="${middleY}" y2="${middleY}" stroke="black"/>`,
    `<text x="${Number(x(each.most)) + 6}" y="${y + 11}">${each.value.toFixed(each.value < 10 ? 2 : 0)} ${xmlText(each.peer)}</text>`,
  ].join('')
}

const xmlText = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
