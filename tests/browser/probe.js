// Looks at a page as the browser has laid it out and lists what a reader would stumble over. Appended
// to a page by page_test.sh, which shows the page in a frame; tells the frame's parent.
addEventListener('load', () => {
  const problems = [];
  const shown = element => element.getClientRects().length > 0;

  if (document.documentElement.scrollWidth > innerWidth) {
    problems.push(`the page is ${document.documentElement.scrollWidth} wide, the window ${innerWidth}`);
  }
  if (!document.documentElement.classList.contains('scripted')) problems.push('the script did not run');

  // Texts of pictures: inside of the picture, large enough, not on top of each other.
  let texts = 0;
  for (const svg of document.querySelectorAll('svg')) {
    if (!shown(svg)) continue;
    const name = svg.getAttribute('aria-label');
    const edge = svg.getBoundingClientRect();
    const boxes = [...svg.querySelectorAll('text')].map(text => {
      const size = parseFloat(getComputedStyle(text).fontSize) * edge.width / svg.viewBox.baseVal.width;
      if (size < 8.5) problems.push(`${name}: "${text.textContent}" is ${size.toFixed(1)} pixels high`);
      return {box: text.getBoundingClientRect(), words: text.textContent};
    });
    texts += boxes.length;
    boxes.forEach(({box, words}, i) => {
      if (box.left < edge.left - 1 || box.right > edge.right + 1 || box.bottom > edge.bottom + 1) {
        problems.push(`${name}: "${words}" is cut off`);
      }
      for (const other of boxes.slice(0, i)) {
        // Boxes include the space between lines.
        const slack = box.height * 0.3;
        if (box.left < other.box.right - 1 && other.box.left < box.right - 1 &&
            box.top < other.box.bottom - slack && other.box.top < box.bottom - slack) {
          problems.push(`${name}: "${words}" lies on "${other.words}"`);
        }
      }
    });
  }
  if (texts === 0) problems.push('no picture has a text');

  // WCAG's contrast of every text, on the page itself and, in pictures, on every ground there is.
  const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const luminance = colour => {
    const [r, g, b] = colour.match(/[\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  };
  const paper = luminance(getComputedStyle(document.body).backgroundColor);
  const grounds = [...document.querySelectorAll('svg .write,svg .read,svg .guess,svg .odd,svg .even')]
      .filter(element => element.matches('rect') && shown(element))
      .map(element => luminance(getComputedStyle(element).fill));
  const contrast = (ink, ground) =>
      (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
  for (const element of document.querySelectorAll('h1,h2,h3,p,li,dt,dd,a,td,th,summary,svg text')) {
    if (!shown(element)) continue;
    const style = getComputedStyle(element);
    const drawn = element instanceof SVGElement;
    const ink = luminance(drawn ? style.fill : style.color);
    const least = Math.min(...[paper, ...(drawn ? grounds : [])].map(g => contrast(ink, g)));
    if (least < 4.5) problems.push(`"${element.textContent}" has a contrast of ${least.toFixed(1)}`);
  }

  // The button says so when it has copied.
  const button = document.querySelector('.copy button');
  if (button) button.click();

  parent.postMessage(['PROBE', `width ${innerWidth}`, `paper ${paper > 0.5 ? 'light' : 'dark'}`,
                      ...problems.map(text => `PROBLEM ${text}`), 'END'].join('\n'), '*');
});
