/** What the page does by itself: filter its checks, copy a command, open what is folded when it is printed or linked to. */
export const SCRIPT = `
const all = (selector, within = document) => [...within.querySelectorAll(selector)]
const form = document.getElementById('filter')
if (form) {
  const rows = all('.checks tbody tr')
  const filter = () => {
    const words = form.querySelector('[type=search]').value.toLowerCase().split(/\\s+/).filter(Boolean)
    const verdicts = new Set(all('[type=checkbox]:checked', form).map((box) => box.value))
    let shown = 0
    for (const row of rows) {
      const text = row.textContent.toLowerCase()
      row.hidden = !verdicts.has(row.dataset.verdict) || !words.every((word) => text.includes(word))
      if (!row.hidden) shown++
    }
    for (const area of all('.area')) {
      area.hidden = all('tbody tr:not([hidden])', area).length === 0
      if (words.length > 0) area.open = true
    }
    form.querySelector('output').textContent = shown + ' of ' + rows.length
  }
  form.addEventListener('input', filter)
  form.addEventListener('submit', (event) => event.preventDefault())
  form.hidden = false
  filter()
}
for (const button of all('[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', async () => {
    const code = button.previousElementSibling
    try {
      await navigator.clipboard.writeText(code.textContent)
    } catch {
      getSelection().selectAllChildren(code)
      document.execCommand('copy')
    }
    button.textContent = 'Copied'
  })
}
addEventListener('beforeprint', () => all('details').forEach((each) => { each.dataset.was = each.open; each.open = true }))
addEventListener('afterprint', () => all('details').forEach((each) => { each.open = each.dataset.was === 'true' }))
`
