// Dark or light theme: the system's, unless the operator chose one.

export type Theme = 'system' | 'light' | 'dark';

const storageKey = 'dragonfly.theme';
const themes: readonly Theme[] = ['system', 'light', 'dark'];

export function storedTheme(): Theme {
  const stored = localStorage.getItem(storageKey);
  return themes.find((theme) => theme === stored) ?? 'system';
}

/** Applies the theme and remembers it. Colours follow `color-scheme` (see styles/base.css). */
export function applyTheme(theme: Theme): void {
  localStorage.setItem(storageKey, theme);
  document.documentElement.dataset['theme'] = theme;
}

/** The next theme, in the order in which the button cycles. */
export function nextTheme(theme: Theme): Theme {
  return themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system';
}
