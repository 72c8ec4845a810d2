// The entry point: applies the theme and renders the page.
import { render } from 'preact';
import { App } from './app.tsx';
import { keepFocus } from './parts/kept-focus.ts';
import { applyTheme, storedTheme } from './parts/theme.ts';

applyTheme(storedTheme());
const root = document.querySelector<HTMLElement>('#app');
if (root !== null) {
  render(<App />, root);
  keepFocus(root);
}
