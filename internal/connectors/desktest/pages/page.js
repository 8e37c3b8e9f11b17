"use strict";
(function () {
  // Whoever is chosen acts at once.
  document.querySelectorAll("select[data-submit]").forEach(function (s) {
    s.addEventListener("change", function () { s.form.submit(); });
  });

  // A card may be dropped where one of its transitions leads.
  let dragged = null;
  document.querySelectorAll(".card").forEach(function (card) {
    card.addEventListener("dragstart", function (e) {
      dragged = card;
      e.dataTransfer.setData("text/plain", card.dataset.key);
      const to = JSON.parse(card.dataset.to);
      document.querySelectorAll(".column").forEach(function (c) {
        c.classList.toggle("can", to.includes(c.dataset.status));
      });
    });
    card.addEventListener("dragend", function () {
      dragged = null;
      document.querySelectorAll(".column").forEach(function (c) { c.classList.remove("can", "over"); });
    });
  });
  document.querySelectorAll(".column").forEach(function (column) {
    column.addEventListener("dragover", function (e) {
      if (column.classList.contains("can")) { e.preventDefault(); column.classList.add("over"); }
    });
    column.addEventListener("dragleave", function () { column.classList.remove("over"); });
    column.addEventListener("drop", function (e) {
      if (!dragged || !column.classList.contains("can")) { return; }
      e.preventDefault();
      const form = document.getElementById("drag");
      form.elements.key.value = dragged.dataset.key;
      form.elements.to.value = column.dataset.status;
      form.submit();
    });
  });

  // The page follows changes that others make, but not while somebody writes or drags.
  const shown = document.body.dataset.revision;
  setInterval(function () {
    const writing = Array.from(document.querySelectorAll("textarea, input[type=text]")).some(function (t) { return t.value !== ""; });
    if (dragged || writing || document.hidden) { return; }
    fetch("/_sim/revision").then(function (r) { return r.text(); }).then(function (now) {
      if (now !== shown) { location.reload(); }
    }).catch(function () {});
  }, 2000);
})();
