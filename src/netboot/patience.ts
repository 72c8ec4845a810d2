// The pauses between the tries of a boot script, for every loader alike. Pure.

/** The longest pause between two tries. The pauses double up to it. */
export const longestPauseSeconds = 16;

/** The pauses between tries that take about so many seconds together. */
export function pausesFor(seconds: number): number[] {
  const pauses: number[] = [];
  let [pause, waited] = [1, 0];
  while (waited < seconds) {
    pauses.push(pause);
    waited += pause;
    pause = Math.min(pause * 2, longestPauseSeconds);
  }
  return pauses;
}
