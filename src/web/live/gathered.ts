// Work that many changes ask for, done once for all of them. Neither DOM nor requests.

export interface Gathered {
  /** Has the work done within the time. */
  readonly ask: () => void;
  /** Forgets what was asked for. */
  readonly stop: () => void;
}

/** Does `work` once for all that ask within `ms`, counted from the first: however many follow, it is not put off. */
export function gathered(work: () => void, ms: number): Gathered {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    ask: () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        work();
      }, ms);
    },
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
