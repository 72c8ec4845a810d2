// The keyboard's place on the page: where what has the focus goes away, or can have it no longer, what is nearest takes
// it, so that nobody starts over from the top.

interface Place {
  readonly element: HTMLElement;
  /** Those that take the focus where the element cannot, the nearest first. */
  readonly near: readonly HTMLElement[];
}

/** A button is disabled for as long while it works. */
const patienceMs = 400;

/** Follows the focus below `root`, for as long as the page is open. */
export function keepFocus(root: HTMLElement): void {
  /** The last place, and the last one outside of a dialog. */
  let places: readonly Place[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (mayWait: boolean): void => {
    clearTimeout(timer);
    const [last] = places;
    const { activeElement } = document;
    if (last === undefined) return;
    // The whole of a page has it until there is something to read on it.
    if (activeElement === last.element && last.element.matches('main')) give(headOf(last.element));
    if (activeElement !== document.body) return;
    const those = places.flatMap(({ element, near }) => [element, ...near]).filter(isThere);
    const [first] = those;
    if (mayWait && first?.matches(':disabled') === true)
      timer = setTimeout(look, patienceMs, false);
    else give(those.find((one) => !one.matches(':disabled')) ?? root.querySelector('main'));
  };
  root.addEventListener('focusin', ({ target }) => {
    if (!(target instanceof HTMLElement)) return;
    const place = { element: target, near: nearTo(target) };
    const outside = places.find(({ element }) => element.closest('dialog') === null);
    places =
      target.closest('dialog') === null || outside === undefined ? [place] : [place, outside];
  });
  // Who clicks beside everything, leaves a field, or goes on past the last thing of the page, wants no focus.
  const forget = (): void => {
    places = [];
  };
  addEventListener('pointerdown', forget);
  addEventListener('keydown', ({ key, target }) => {
    const isField = target instanceof HTMLElement && target.matches('input, select, textarea');
    if (key === 'Escape' && isField && target.closest('dialog') === null) forget();
    if (key === 'Tab') setTimeout(() => document.activeElement === document.body && forget());
  });
  new MutationObserver(() => look(true)).observe(root, {
    subtree: true,
    childList: true,
    attributeFilter: ['disabled'],
  });
}

const isThere = (element: HTMLElement): boolean => element.isConnected;

/** The elements around it, and before them those beside its row, for a row that goes away. */
function nearTo(element: HTMLElement): HTMLElement[] {
  const near: (Element | null)[] = [];
  for (let at = element.parentElement; at !== null; at = at.parentElement) {
    if (at.matches('form, dialog, section, main')) near.push(at);
    if (at.matches('tr, li, article'))
      near.push(at, at.nextElementSibling, at.previousElementSibling);
  }
  return near.filter((one) => one instanceof HTMLElement);
}

/** The list of a page, or its heading. */
function headOf(main: HTMLElement): HTMLElement | null {
  return main.querySelector<HTMLElement>('#machines') ?? main.querySelector('h1:not(.hidden)');
}

/** Also to what no key leads to, for as long as it has the focus. */
function give(place: HTMLElement | null): void {
  const target = (place?.matches('main') === true ? headOf(place) : null) ?? place;
  if (target === null) return;
  if (target.tabIndex < 0) {
    target.tabIndex = -1;
    target.addEventListener('blur', () => target.removeAttribute('tabindex'), { once: true });
  }
  target.focus({ preventScroll: target.matches('main') });
}
