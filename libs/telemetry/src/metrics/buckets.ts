/** Upper bounds for a histogram, each `factor` times the one before, as in Prometheus' client for Go. */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start * factor ** i);
}
