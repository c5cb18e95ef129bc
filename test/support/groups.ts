/** Items in groups of at most `size`, in order: one test for each group keeps every test short. */
export function groupsOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}

/** Seeds from `first` on, in groups of at most `size`. */
export const seedGroups = (first: number, count: number, size: number): number[][] =>
  groupsOf(
    Array.from({ length: count }, (_, i) => first + i),
    size,
  )
