"use strict";
// Without it every page works; with it those that show the present keep up with it.
(() => {
  const bottom = () => {
    for (const one of document.querySelectorAll("[data-bottom]")) one.scrollTop = one.scrollHeight;
  };

  // What a person typed, opened or stands on stays.
  const keep = (old, fresh) => {
    for (const field of old.querySelectorAll("textarea[id], input[id]:not([type=hidden])")) {
      const same = fresh.querySelector("#" + CSS.escape(field.id));
      if (same) same.value = field.value;
    }
    for (const one of old.querySelectorAll("details[id][open]")) {
      const same = fresh.querySelector("#" + CSS.escape(one.id));
      if (same) same.open = true;
    }
  };

  const refresh = async (main) => {
    if (document.hidden || String(getSelection())) return main;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return location.reload(), main;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("main");
    if (!fresh || fresh.innerHTML === main.innerHTML) return main;
    const active = document.activeElement;
    const id = main.contains(active) ? active.id : "";
    const at = id && "selectionStart" in active ? active.selectionStart : null;
    if (main.contains(active) && !id) return main; // somebody is about to press something
    keep(main, fresh);
    main.replaceWith(fresh);
    const back = id && document.getElementById(id);
    if (back) {
      back.focus({ preventScroll: true });
      if (at !== null) back.setSelectionRange(at, at);
    }
    bottom();
    return fresh;
  };

  const begin = () => {
    bottom();
    let main = document.getElementById("main");
    const every = Number(main.dataset.refresh || 0);
    if (!every || location.search) return;
    const turn = async () => {
      try {
        main = await refresh(main);
      } catch {
        // The bridge is away for a moment: the next turn asks again.
      }
      setTimeout(turn, every * 1000);
    };
    setTimeout(turn, every * 1000);
  };
  begin();
})();
